/**
 * Everything that the client throws on purpose, but for an `AbortSignal`'s own reason:
 *
 *     DarkroomError
 *     ├── InvalidRequestError          invalid_request               a field, its value and what is allowed
 *     │   └── UnsupportedByModelError  unsupported_by_model
 *     ├── UnauthorizedError            unauthorized
 *     ├── ForbiddenError               forbidden
 *     ├── NotFoundError                not_found
 *     │   ├── ModelNotFoundError       model_not_found
 *     │   └── JobNotFoundError         job_not_found
 *     ├── GoneError                    gone
 *     ├── ConflictError                conflict
 *     ├── NotServedError               method_not_allowed, not_acceptable, unsupported_media_type
 *     ├── TooLargeError                payload_too_large, headers_too_large, stream_too_long
 *     ├── BusyError                    (retryAfterS)
 *     │   ├── QueueFullError           queue_full
 *     │   └── TooManyStreamsError      too_many_streams
 *     ├── UnavailableError             model_unavailable, interrupted (retryAfterS)
 *     ├── DeadlineExceededError        deadline_exceeded
 *     ├── OutOfMemoryError             out_of_memory
 *     ├── InternalError                internal                      (requestId)
 *     ├── JobCancelledError            cancelled                     (jobId)
 *     ├── JobFailedError               the job's own code            (jobId, cause)
 *     ├── NetworkError                 network                       no answer at all
 *     └── UnexpectedAnswerError        unexpected_answer             an answer that is not Darkroom's
 *
 * A code that this version does not know makes a plain `DarkroomError`.
 */

import type { ErrorCode } from "./types.js";

/** What is known of an error beside its message. */
export interface ErrorDetails {
  /** Stable: one of the service's, or `network` or `unexpected_answer`. */
  code: string;
  /** The HTTP status; absent where the error came in a stream, or no answer came. */
  status?: number | undefined;
  /** The name of the field that was refused, dotted for nested ones. */
  field?: string | undefined;
  /** Its value as it came, shortened. */
  value?: string | undefined;
  /** What is allowed there. */
  allowed?: string | undefined;
  /** Seconds until it is worth another try, as the service says. */
  retryAfterS?: number | undefined;
  /** Finds the details in the service's log. */
  requestId?: string | undefined;
  /** What it was made of. */
  cause?: unknown;
}

/** The root of the tree. `message` is a sentence that a person may read. */
export class DarkroomError extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly field: string | undefined;
  readonly value: string | undefined;
  readonly allowed: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly requestId: string | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.status = details.status;
    this.field = details.field;
    this.value = details.value;
    this.allowed = details.allowed;
    this.retryAfterS = details.retryAfterS;
    this.requestId = details.requestId;
  }
}

/** A field has a value that is not allowed: see `field`, `value` and `allowed`. */
export class InvalidRequestError extends DarkroomError {}
/** The field is valid, but the chosen model has no such ability. */
export class UnsupportedByModelError extends InvalidRequestError {}
/** The key or session is missing, unknown, revoked or over. */
export class UnauthorizedError extends DarkroomError {}
/** Nobody is let in this way; the message says which way there is. */
export class ForbiddenError extends DarkroomError {}
/** There is nothing there. */
export class NotFoundError extends DarkroomError {}
/** The model is not served here; the message lists those that are. */
export class ModelNotFoundError extends NotFoundError {}
/** No such job, or none of this client's; or it has no such image. */
export class JobNotFoundError extends NotFoundError {}
/** It existed, and has expired. */
export class GoneError extends DarkroomError {}
/** The request contradicts what there is: another body under the same idempotency key. */
export class ConflictError extends DarkroomError {}
/** The service does not do this here, or not in this form. */
export class NotServedError extends DarkroomError {}
/** More bytes than are accepted. */
export class TooLargeError extends DarkroomError {}
/** A bound is reached; it goes away by itself. */
export class BusyError extends DarkroomError {}
/** As many jobs wait as may. */
export class QueueFullError extends BusyError {}
/** This client has as many streams open as one may. */
export class TooManyStreamsError extends BusyError {}
/** Nothing can serve it now. */
export class UnavailableError extends DarkroomError {}
/** The request's own `deadline_s` has passed. */
export class DeadlineExceededError extends DarkroomError {}
/** The device has not enough memory for this request, even alone. */
export class OutOfMemoryError extends DarkroomError {}
/** A defect of the service; `requestId` finds it in its log. */
export class InternalError extends DarkroomError {}

/** The job was cancelled, and not through this call's own signal. */
export class JobCancelledError extends DarkroomError {
  /** Which job, where that is known. */
  readonly jobId: string | undefined;

  constructor(message: string, details: ErrorDetails & { jobId?: string | undefined }) {
    super(message, details);
    this.jobId = details.jobId;
  }
}

/** The job has failed: `code` says as what, and `cause` is the error of that code. */
export class JobFailedError extends DarkroomError {
  /** Which job. */
  readonly jobId: string;

  constructor(message: string, details: ErrorDetails & { jobId: string }) {
    super(message, { ...details, cause: errorOf(message, details) });
    this.jobId = details.jobId;
  }
}

/** No answer came: the service can't be reached, or the connection broke. */
export class NetworkError extends DarkroomError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: "network", cause });
  }
}

/** Something answered that is not Darkroom: a proxy, or another server. */
export class UnexpectedAnswerError extends DarkroomError {
  constructor(message: string, details: Omit<ErrorDetails, "code"> = {}) {
    super(message, { ...details, code: "unexpected_answer" });
  }
}

type ErrorClass = new (message: string, details: ErrorDetails) => DarkroomError;

/** Which class stands for which of the service's codes: the one table. */
export const ERROR_CLASSES: Readonly<Record<ErrorCode, ErrorClass>> = {
  invalid_request: InvalidRequestError,
  unsupported_by_model: UnsupportedByModelError,
  unauthorized: UnauthorizedError,
  forbidden: ForbiddenError,
  not_found: NotFoundError,
  method_not_allowed: NotServedError,
  not_acceptable: NotServedError,
  model_not_found: ModelNotFoundError,
  job_not_found: JobNotFoundError,
  conflict: ConflictError,
  cancelled: JobCancelledError,
  gone: GoneError,
  payload_too_large: TooLargeError,
  stream_too_long: TooLargeError,
  unsupported_media_type: NotServedError,
  queue_full: QueueFullError,
  too_many_streams: TooManyStreamsError,
  headers_too_large: TooLargeError,
  internal: InternalError,
  model_unavailable: UnavailableError,
  interrupted: UnavailableError,
  deadline_exceeded: DeadlineExceededError,
  out_of_memory: OutOfMemoryError,
};

/** The error of a code; a plain {@link DarkroomError} for one that this version does not know. */
export function errorOf(message: string, details: ErrorDetails): DarkroomError {
  const known = Object.hasOwn(ERROR_CLASSES, details.code);
  const kind: ErrorClass = known ? ERROR_CLASSES[details.code as ErrorCode] : DarkroomError;
  return new kind(message, details);
}

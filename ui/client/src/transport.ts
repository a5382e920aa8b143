/** Calls: each one typed by the OpenAPI document, with its failures as errors, and made again where that is safe. */

import createClient, { type Client } from "openapi-fetch";

import { sleep, within } from "./abort.js";
import { DarkroomError, NetworkError, UnexpectedAnswerError } from "./errors.js";
import type { paths } from "./generated/openapi.js";
import { refusal } from "./refusals.js";
import { delayS, isPassing, type RetryPolicy } from "./retry.js";

/** What `openapi-fetch` makes of an answer. */
interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** How one call is made. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** How often in all; the policy's if absent. */
  attempts?: number;
  /** How long one try may take, in seconds; the policy's `silenceS` if absent. */
  timeoutS?: number;
  /** Called with the failure before the call is made again. */
  onRetry?: (error: DarkroomError) => void;
}

/** Where the service is, how it is reached, and how failures are met. */
export class Transport {
  /** The typed calls; use them inside of {@link Transport.call} or {@link attempt}. */
  readonly api: Client<paths>;
  readonly baseUrl: string;
  readonly retry: Readonly<RetryPolicy>;

  constructor(
    baseUrl: string,
    retry: Readonly<RetryPolicy>,
    fetch: (request: Request) => Promise<Response>,
    apiKey: string | undefined,
  ) {
    this.baseUrl = baseUrl;
    this.retry = retry;
    this.api = createClient<paths>({
      baseUrl,
      fetch,
      headers: new Headers(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
    });
  }

  /**
   * What an idempotent call answers; it is made again while its failure is of the kind that passes.
   *
   * @param make - makes the call once. Its signal also ends a try that takes too long.
   * @throws DarkroomError, or the signal's reason.
   */
  async call<T>(make: (signal: AbortSignal) => Promise<Answer<T>>, options: CallOptions = {}): Promise<T> {
    const { signal, attempts = this.retry.attempts, timeoutS = this.retry.silenceS, onRetry } = options;
    for (let failures = 0; ;) {
      try {
        return (await within(timeoutS, signal, (own) => attempt(() => make(own), signal))).data;
      } catch (error) {
        failures += 1;
        if (!(error instanceof DarkroomError) || !isPassing(error) || failures >= attempts) throw error;
        if ((error.retryAfterS ?? 0) > this.retry.patienceS) throw error;
        onRetry?.(error);
        await sleep(delayS(failures, this.retry, error.retryAfterS), signal);
      }
    }
  }
}

/**
 * One try.
 *
 * @param signal - the caller's own: aborted, its reason is thrown.
 * @throws DarkroomError
 */
export async function attempt<T>(
  make: () => Promise<Answer<T>>,
  signal: AbortSignal | undefined,
): Promise<{ data: T; response: Response }> {
  let answer: Answer<T>;
  try {
    answer = await make();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SyntaxError) throw new UnexpectedAnswerError("an answer that is no JSON", { cause: error });
    throw new NetworkError(`the service does not answer: ${reason(error)}`, error);
  }
  if (!answer.response.ok) throw refusal(answer.response, answer.error);
  return { data: answer.data as T, response: answer.response };
}

/** The words of whatever lies beneath; Node's fetch hides them in the cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}

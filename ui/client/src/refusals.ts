/** From an HTTP answer that is no success to the error that it tells. */

import { type DarkroomError, errorOf, UnexpectedAnswerError } from "./errors.js";

/**
 * The error that `response` tells in either of the service's shapes.
 *
 * @param body - what it holds: JSON as parsed, or text.
 * @returns an {@link UnexpectedAnswerError} where something else has answered.
 */
export function refusal(response: Response, body: unknown): DarkroomError {
  const told = errorObject(body);
  const status = response.status;
  const retryAfterS = retryAfter(response.headers.get("Retry-After"));
  const code = text(told["code"]);
  const message = text(told["message"]);
  if (code === undefined || message === undefined) {
    return new UnexpectedAnswerError(`an answer that is not Darkroom's, with status ${status}`, {
      status,
      retryAfterS,
    });
  }
  return errorOf(message, {
    code,
    status,
    field: text(told["field"]) ?? text(told["param"]),
    value: text(told["value"]),
    allowed: text(told["allowed"]),
    retryAfterS,
    requestId: code === "internal" ? /\b[0-9a-f]{16,32}\b/.exec(message)?.[0] : undefined,
  });
}

/** The seconds that a `Retry-After` header asks for; it may hold a date instead. */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function errorObject(body: unknown): Record<string, unknown> {
  const error = isObject(body) ? body["error"] : undefined;
  return isObject(error) ? error : {};
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

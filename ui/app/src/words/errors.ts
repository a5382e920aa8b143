/** Errors in the page's words: one sentence that says what is the matter and, where there is one, the way on. */

import {
  BusyError,
  DarkroomError,
  NetworkError,
  OutOfMemoryError,
  UnauthorizedError,
  UnavailableError,
} from "@darkroom/client";

/** What a person reads of `error`. */
export function sentenceOf(error: unknown): string {
  if (error instanceof NetworkError)
    return "Darkroom can’t be reached. Your pictures are safe: nothing that was accepted is lost.";
  if (error instanceof UnauthorizedError) return "This key is not known here.";
  if (error instanceof BusyError) return "As many pictures are waiting as may. There is room again soon.";
  if (error instanceof OutOfMemoryError)
    return "This picture is too large for the device’s memory. A smaller size will do.";
  if (error instanceof UnavailableError) return `This model can’t be served just now: ${ended(error.message)}`;
  if (error instanceof DarkroomError) return sentenceOfCode(error.code, error.message);
  return "Something went wrong in this page. Loading it again may help.";
}

/** What a person reads of a job that failed as `code`; `message` is the service's own. */
export function sentenceOfCode(code: string, message: string): string {
  switch (code) {
    case "out_of_memory":
      return "This picture is too large for the device’s memory. A smaller size will do.";
    case "deadline_exceeded":
      return "It could not be done in the time it was given.";
    case "internal":
      return "Something broke in the service while it was being made.";
    default:
      return ended(message);
  }
}

/** Seconds after which `error` is gone by itself; 0 for one that waiting does not help. */
export function waitOf(error: unknown): number {
  return error instanceof BusyError ? (error.retryAfterS ?? 5) : 0;
}

/** A sentence of the service's, which begins with a name as often as with a word. */
function ended(message: string): string {
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}

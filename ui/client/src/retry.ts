/** When to try again: pure arithmetic, but for the drawing of chance. */

import { type DarkroomError, NetworkError, UnavailableError, UnexpectedAnswerError } from "./errors.js";

/** How failures that go away by themselves are met. Times are in seconds. */
export interface RetryPolicy {
  /** How often one call is made in all; 1 means never again. Streams don't count, see `patienceS`. */
  attempts: number;
  /** The pause before the second try, which doubles with each; what is waited is drawn from its upper half. */
  firstDelayS: number;
  /** No pause is longer, unless the service asks for it by `Retry-After`. */
  maxDelayS: number;
  /**
   * How long a stream goes on trying while nothing of the service answers; `Infinity` is for ever. As long as the
   * service itself answers that it will go on later, it goes on. It is also the longest `Retry-After` that is waited for.
   */
  patienceS: number;
  /** A stream that is silent for this long is dead, and is opened again. The service pings every 15 s. */
  silenceS: number;
}

export const DEFAULT_RETRY: Readonly<RetryPolicy> = {
  attempts: 4,
  firstDelayS: 0.5,
  maxDelayS: 15,
  patienceS: 300,
  silenceS: 60,
};

/** Whether the same call may succeed later without anybody's doing, and is safe to make again if it is idempotent. */
export function isPassing(error: DarkroomError): boolean {
  if (error instanceof NetworkError || error instanceof UnavailableError) return true;
  // of a proxy whose upstream restarts, or of a server whose worker was lost; 404 of one that starts, and knows of no
  // service yet (Darkroom's own 404 is no unexpected answer)
  return error instanceof UnexpectedAnswerError && (error.status === 404 || (error.status ?? 0) >= 500);
}

/**
 * Seconds to wait before the try that follows `failures` ones in a row.
 *
 * @param failures - at least 1.
 * @param retryAfterS - what the service asked for; never less is waited.
 * @param chance - from 0 to 1.
 */
export function delayS(
  failures: number,
  policy: RetryPolicy,
  retryAfterS: number | undefined,
  chance: number = Math.random(),
): number {
  const backoff = Math.min(policy.maxDelayS, policy.firstDelayS * 2 ** (failures - 1));
  const drawn = backoff * (0.5 + chance / 2);
  return retryAfterS === undefined ? drawn : Math.max(retryAfterS + policy.firstDelayS * chance, drawn);
}

/** Waiting that an `AbortSignal` ends. */

/** Wait, or throw the signal's reason as soon as it is aborted. */
export async function sleep(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const done = () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    const timer = setTimeout(done, Math.min(seconds * 1000, 2 ** 31 - 1));
    const stop = () => {
      clearTimeout(timer);
      reject(reasonOf(signal));
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** What `promise` becomes, or the signal's reason as soon as it is aborted; `promise` itself goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = () => {
      reject(reasonOf(signal));
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", stop);
    });
  });
}

/** The signal's reason as an error: a caller may have aborted with anything. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error
    ? reason
    : new DOMException(typeof reason === "string" ? reason : "aborted", "AbortError");
}

/**
 * What `run` returns, unless it takes longer than `seconds`: then its signal is aborted.
 *
 * @param run - is given a signal that follows `signal` too.
 * @throws a `DOMException` named `TimeoutError` when it took too long, the signal's reason when that was aborted.
 */
export async function within<T>(
  seconds: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const own = new AbortController();
  const follow = () => {
    own.abort(reasonOf(signal));
  };
  signal?.addEventListener("abort", follow, { once: true });
  const timer = setTimeout(
    () => {
      own.abort(new DOMException(`no answer within ${seconds} s`, "TimeoutError"));
    },
    Math.min(seconds * 1000, 2 ** 31 - 1),
  );
  try {
    return await run(own.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", follow);
  }
}

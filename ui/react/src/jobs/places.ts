/** A bounded number of places that are taken in turn. */

export class Places {
  readonly #waiting = new Set<() => void>();
  #free: number;

  /** @param count - how many there are. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Whether one could be taken, and if so it is. */
  take(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Give one back, and wake those who wait. */
  release(): void {
    this.#free += 1;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves when a place has become free, `ms` have passed or the signal is aborted; promises no place. */
  async changed(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}

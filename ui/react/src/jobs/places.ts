/** A bounded number of places that are taken in turn: by all pages of an origin together, where the browser has locks. */

/** Gives a place back. */
export type Release = () => void;

export class Places {
  readonly #count: number;
  readonly #locks: LockManager | undefined;
  readonly #taken = new Set<number>();
  readonly #waiting = new Set<() => void>();

  /**
   * @param count - how many there are.
   * @param locks - shared with other pages, which count with these; if absent, this page counts alone. Browsers have
   * them (`navigator.locks`) on pages that came over HTTPS or from the same machine.
   */
  constructor(count: number, locks?: LockManager) {
    this.#count = count;
    this.#locks = locks;
  }

  /** Take one, if one is free. */
  async take(): Promise<Release | undefined> {
    for (let place = 0; place < this.#count; place += 1) {
      if (this.#taken.has(place)) continue;
      this.#taken.add(place);
      const unlock = await locked(this.#locks, `darkroom stream ${place}`);
      if (unlock !== undefined) {
        return () => {
          unlock();
          this.#free(place);
        };
      }
      this.#taken.delete(place); // another page has it
    }
    return undefined;
  }

  #free(place: number): void {
    this.#taken.delete(place);
    const [first] = this.#waiting; // one place wakes one
    first?.();
  }

  /** How many wait for a change in this page. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when a place has become free in this page and who waits longer has had one, `ms` have passed or the signal
   * is aborted; promises no place.
   */
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

/** A lock that is held until it is released; `undefined` if another has it. No lock where there can be none. */
async function locked(locks: LockManager | undefined, name: string): Promise<Release | undefined> {
  if (locks === undefined) return () => undefined;
  return new Promise((resolve) => {
    const holding = (lock: Lock | null) => {
      if (lock === null) {
        resolve(undefined);
        return undefined;
      }
      return new Promise<void>((release) => {
        resolve(release);
      });
    };
    locks.request(name, { ifAvailable: true }, holding).catch(() => {
      resolve(() => undefined); // refused: a page without an origin of its own, say
    });
  });
}

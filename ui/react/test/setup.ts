import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

// what components need of a browser, and jsdom has not
Object.assign(globalThis, { CSS: { escape: (text: string) => text.replace(/[^\w-]/g, (sign) => `\\${sign}`) } });

class MeasuredOnce implements ResizeObserver {
  readonly #tell: () => void;

  constructor(tell: ResizeObserverCallback) {
    this.#tell = () => tell([], this);
  }

  observe(): void {
    this.#tell();
  }

  unobserve(): void {
    // nothing changes its size here
  }

  disconnect(): void {
    // nor does it
  }
}
Object.assign(globalThis, { ResizeObserver: MeasuredOnce });
Object.assign(Element.prototype, { setPointerCapture: () => undefined });

afterEach(() => {
  cleanup();
  sessionStorage.clear();
});

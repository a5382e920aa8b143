import { useCallback, useSyncExternalStore } from "react";

/** When each event was first asked about. */
const seenAt = new WeakMap<object, number>();

/** Whole seconds left of `seconds` since `event` was first seen; 0 without one. */
export function useCountdown(event: object | undefined, seconds: number): number {
  const isRunning = secondsLeft(event, seconds) > 0;
  const subscribe = useCallback(
    (tick: () => void) => {
      if (!isRunning) return () => undefined;
      const ticking = setInterval(tick, 250);
      return () => {
        clearInterval(ticking);
      };
    },
    [isRunning],
  );
  return useSyncExternalStore(subscribe, () => secondsLeft(event, seconds));
}

function secondsLeft(event: object | undefined, seconds: number): number {
  if (event === undefined) return 0;
  const now = performance.now();
  const at = seenAt.get(event) ?? now;
  seenAt.set(event, at);
  return Math.max(0, Math.ceil(seconds - (now - at) / 1000));
}

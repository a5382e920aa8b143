/** What keys do to a mask. Pure. */

import type { Tool } from "./mask-toolbar.js";

/** What a key asks for; lengths are in brush radii. */
export type KeyCommand =
  | { readonly kind: "step"; readonly dx: number; readonly dy: number }
  | { readonly kind: "toggle" }
  | { readonly kind: "tool"; readonly tool: Tool }
  | { readonly kind: "grow"; readonly factor: number }
  | { readonly kind: "zoom"; readonly factor: number }
  | { readonly kind: "fit" }
  | { readonly kind: "undo" }
  | { readonly kind: "redo" };

/** The parts of a `KeyboardEvent` that count. */
export interface Keys {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

const STEP = 0.5;
const LONG_STEP = 3;
const GROWTH = 1.2;
const ZOOM = 1.25;

const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const PLAIN: Readonly<Record<string, KeyCommand>> = {
  " ": { kind: "toggle" },
  Enter: { kind: "toggle" },
  b: { kind: "tool", tool: "paint" },
  e: { kind: "tool", tool: "erase" },
  m: { kind: "tool", tool: "move" },
  "[": { kind: "grow", factor: 1 / GROWTH },
  "]": { kind: "grow", factor: GROWTH },
  "+": { kind: "zoom", factor: ZOOM },
  "=": { kind: "zoom", factor: ZOOM },
  "-": { kind: "zoom", factor: 1 / ZOOM },
  "0": { kind: "fit" },
};

/** The command of these keys; `undefined` if they are none of the mask's. */
export function commandOf({ key, ctrlKey, metaKey, shiftKey, altKey }: Keys): KeyCommand | undefined {
  if (altKey) return undefined;
  if (ctrlKey || metaKey) {
    const letter = key.toLowerCase();
    if (letter === "z") return { kind: shiftKey ? "redo" : "undo" };
    return letter === "y" ? { kind: "redo" } : undefined;
  }
  const direction = DIRECTIONS[key];
  if (direction !== undefined) {
    const step = shiftKey ? LONG_STEP : STEP;
    return { kind: "step", dx: direction[0] * step, dy: direction[1] * step };
  }
  return PLAIN[key.length === 1 ? key.toLowerCase() : key];
}

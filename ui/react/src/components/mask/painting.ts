/** What has been painted, as marks in the order that they were made. Pure: no pixels in here. */

/** In pixels of the image. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One movement of a round brush, from putting it down to lifting it. */
export interface Stroke {
  readonly kind: "paint" | "erase";
  /** In pixels of the image. */
  readonly radius: number;
  /** At least one. */
  readonly points: readonly Point[];
}

/** A stroke, or that everything was wiped off, also what was there before the first mark. */
export type Mark = Stroke | { readonly kind: "clear" };

/** All marks that count, and those that were undone, the next to come back last. */
export interface Painting {
  readonly marks: readonly Mark[];
  readonly undone: readonly Mark[];
  /** Whether the last mark is a stroke whose brush is still down. */
  readonly isDown: boolean;
}

/** What happens to a painting. */
export type PaintingEvent =
  | { readonly kind: "down"; readonly stroke: Stroke }
  | { readonly kind: "move"; readonly points: readonly Point[] }
  | { readonly kind: "lift" }
  /** The stroke that is being made shall not have been. */
  | { readonly kind: "drop" }
  | { readonly kind: "undo" }
  | { readonly kind: "redo" }
  | { readonly kind: "clear" }
  /** Another picture, or another mask to begin with. */
  | { readonly kind: "reset" };

export const BLANK: Painting = { marks: [], undone: [], isDown: false };

/** The painting after `event`; the same one if it changes nothing. While the brush is down it can only move and lift. */
export function painted(painting: Painting, event: PaintingEvent): Painting {
  const { marks, undone, isDown } = painting;
  if (event.kind === "reset") return BLANK;
  if (isDown) {
    const stroke = marks.at(-1);
    switch (event.kind) {
      case "move":
        if (stroke === undefined || stroke.kind === "clear" || event.points.length === 0) return painting;
        return {
          ...painting,
          marks: [...marks.slice(0, -1), { ...stroke, points: [...stroke.points, ...event.points] }],
        };
      case "lift":
        return { ...painting, isDown: false };
      case "drop":
        return { ...painting, marks: marks.slice(0, -1), isDown: false };
      case "down":
      case "undo":
      case "redo":
      case "clear":
        return painting;
    }
  }
  switch (event.kind) {
    case "down":
      return { marks: [...marks, event.stroke], undone: [], isDown: true };
    case "undo": {
      const last = marks.at(-1);
      return last === undefined ? painting : { ...painting, marks: marks.slice(0, -1), undone: [...undone, last] };
    }
    case "redo": {
      const next = undone.at(-1);
      return next === undefined ? painting : { ...painting, marks: [...marks, next], undone: undone.slice(0, -1) };
    }
    case "clear":
      return marks.at(-1)?.kind === "clear"
        ? painting
        : { ...painting, marks: [...marks, { kind: "clear" }], undone: [] };
    case "move":
    case "lift":
    case "drop":
      return painting;
  }
}

/**
 * Whether nothing is masked, as far as marks tell: what was painted and then erased by hand still counts.
 *
 * @param hasBase - whether there was a mask before the first mark.
 */
export function isBlank({ marks }: Painting, hasBase: boolean): boolean {
  const cleared = marks.map(({ kind }) => kind).lastIndexOf("clear");
  const base = hasBase && cleared === -1;
  return !base && marks.slice(cleared + 1).every(({ kind }) => kind !== "paint");
}

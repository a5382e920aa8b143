/** Where the image lies in the window that shows it. Pure. */

import type { Size } from "../../settings/limits.js";
import type { Point } from "./painting.js";

/** A point `p` of the image is at `p × scale + (x, y)` of the window, in CSS pixels. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

const MAX_SCALE = 16;

/** The whole image in the middle of the window, as large as it fits. */
export function fitted(image: Size, window: Size): View {
  const scale = Math.min(window.width / image.width, window.height / image.height);
  return centred(scale, image, window);
}

/** The view with `factor` times the scale, where what is at `at` (of the window) stays. Never smaller than fitted. */
export function zoomed(view: View, factor: number, at: Point, image: Size, window: Size): View {
  const least = fitted(image, window).scale;
  const scale = Math.min(Math.max(view.scale * factor, least), Math.max(MAX_SCALE, least));
  const held = toImage(view, at);
  return kept({ scale, x: at.x - held.x * scale, y: at.y - held.y * scale }, image, window);
}

/** The view moved by so many pixels of the window; the image stays in sight. */
export function panned(view: View, dx: number, dy: number, image: Size, window: Size): View {
  return kept({ ...view, x: view.x + dx, y: view.y + dy }, image, window);
}

/** Moved as little as it takes to have `point` (of the image) in the window. */
export function showing(view: View, point: Point, image: Size, window: Size): View {
  const { x, y } = toWindow(view, point);
  const dx = x < 0 ? -x : Math.min(0, window.width - x);
  const dy = y < 0 ? -y : Math.min(0, window.height - y);
  return dx === 0 && dy === 0 ? view : panned(view, dx, dy, image, window);
}

/** What of the image is at a point of the window. */
export function toImage({ scale, x, y }: View, point: Point): Point {
  return { x: (point.x - x) / scale, y: (point.y - y) / scale };
}

/** Where in the window a point of the image is. */
export function toWindow({ scale, x, y }: View, point: Point): Point {
  return { x: point.x * scale + x, y: point.y * scale + y };
}

/** An axis that is longer than the window leaves no gap; one that is shorter is in the middle. */
function kept({ scale, x, y }: View, image: Size, window: Size): View {
  const middle = centred(scale, image, window);
  const axis = (at: number, centre: number, gap: number) => (gap >= 0 ? centre : Math.min(0, Math.max(gap, at)));
  return {
    scale,
    x: axis(x, middle.x, window.width - image.width * scale),
    y: axis(y, middle.y, window.height - image.height * scale),
  };
}

function centred(scale: number, image: Size, window: Size): View {
  return { scale, x: (window.width - image.width * scale) / 2, y: (window.height - image.height * scale) / 2 };
}

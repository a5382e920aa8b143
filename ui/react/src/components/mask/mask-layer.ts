/** Marks as pixels: the only place that draws. */

import type { Size } from "../../settings/limits.js";
import type { Mark, Painting, Stroke } from "./painting.js";

/**
 * A canvas of the image's size, opaque where the image shall be repainted and clear elsewhere. Strokes are opaque, so
 * a stroke that grows is drawn piece by piece and gives the same pixels as all at once.
 */
export class MaskLayer {
  readonly #context: CanvasRenderingContext2D;
  readonly #size: Size;
  readonly #colour: string;
  #base: CanvasImageSource | undefined;
  #drawn: readonly Mark[] = [];

  /** @param colour - any CSS colour; the exported mask is white whatever it is. */
  constructor(canvas: HTMLCanvasElement, size: Size, colour: string) {
    canvas.width = size.width;
    canvas.height = size.height;
    this.#context = contextOf(canvas);
    this.#size = size;
    this.#colour = colour;
  }

  /** What was masked before the first mark: white where it was. Of any size. */
  start(base: ImageBitmap | undefined): void {
    this.#base = base && this.#cutOut(base);
    this.#drawn = [];
    this.#draw([]);
  }

  /** Draw what is new in `painting`, or all of it if something went. */
  show({ marks }: Painting): void {
    const common = Math.max(0, this.#drawn.length - 1);
    const grows = this.#drawn.slice(0, common).every((mark, at) => mark === marks[at]);
    const [last, next] = [this.#drawn[common], marks[common]];
    if (grows && isLonger(last, next)) {
      // from the last point that was drawn, so that the pieces join
      if (next.kind !== "clear") this.#stroke(next, Math.max(0, pointsOf(last) - 1));
      for (const mark of marks.slice(common + 1)) this.#mark(mark);
    } else this.#draw(marks);
    this.#drawn = marks;
  }

  /** The mask as a PNG of the image's size: white is repainted, black is kept. */
  async png(): Promise<Blob> {
    const white = this.#tinted("#fff");
    const canvas = this.#canvas();
    const context = contextOf(canvas);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.#size.width, this.#size.height);
    context.drawImage(white, 0, 0);
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => {
        if (blob === null) reject(new Error("the mask could not be encoded"));
        else resolve(blob);
      }, "image/png");
    });
  }

  #draw(marks: readonly Mark[]): void {
    const { width, height } = this.#size;
    this.#context.globalCompositeOperation = "source-over";
    this.#context.clearRect(0, 0, width, height);
    if (this.#base !== undefined) this.#context.drawImage(this.#base, 0, 0);
    for (const mark of marks) this.#mark(mark);
  }

  #mark(mark: Mark): void {
    if (mark.kind === "clear") this.#context.clearRect(0, 0, this.#size.width, this.#size.height);
    else this.#stroke(mark, 0);
  }

  #stroke({ kind, radius, points }: Stroke, from: number): void {
    const context = this.#context;
    const [first, ...rest] = points.slice(from);
    if (first === undefined) return;
    context.globalCompositeOperation = kind === "erase" ? "destination-out" : "source-over";
    context.strokeStyle = this.#colour;
    context.lineWidth = 2 * radius;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(first.x, first.y);
    if (rest.length === 0) context.lineTo(first.x, first.y); // a dot
    for (const { x, y } of rest) context.lineTo(x, y);
    context.stroke();
  }

  /** The layer in another colour. */
  #tinted(colour: string): HTMLCanvasElement {
    const canvas = this.#canvas();
    const context = contextOf(canvas);
    context.drawImage(this.#context.canvas, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = colour;
    context.fillRect(0, 0, this.#size.width, this.#size.height);
    return canvas;
  }

  /** A white-on-black mask as a layer: opaque as far as it is white. */
  #cutOut(mask: ImageBitmap): HTMLCanvasElement {
    const { width, height } = this.#size;
    const canvas = this.#canvas();
    const context = contextOf(canvas);
    context.drawImage(mask, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height);
    const { data } = pixels;
    for (let at = 0; at < data.length; at += 4) {
      // as Pillow's "L", which the service masks with
      const [red = 0, green = 0, blue = 0, alpha = 0] = data.subarray(at, at + 4);
      data[at + 3] = ((0.299 * red + 0.587 * green + 0.114 * blue) * alpha) / 255;
    }
    context.putImageData(pixels, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = this.#colour;
    context.fillRect(0, 0, width, height);
    return canvas;
  }

  #canvas(): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = this.#size.width;
    canvas.height = this.#size.height;
    return canvas;
  }
}

/** Whether `next` is `last` gone on: the same stroke with more points, or a mark where there was none. */
function isLonger(last: Mark | undefined, next: Mark | undefined): next is Mark {
  if (next === undefined) return false;
  if (last === undefined || last === next) return true;
  if (last.kind === "clear" || next.kind === "clear") return false;
  return last.points[0] === next.points[0] && next.points.length >= last.points.length;
}

function pointsOf(mark: Mark | undefined): number {
  return mark === undefined || mark.kind === "clear" ? 0 : mark.points.length;
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser has no canvas left to paint on");
  return context;
}

import { useCallback, useEffect, useEffectEvent, useReducer, useRef, useState } from "react";

import type { Size } from "../../settings/limits.js";
import type { SourcePicture } from "../../settings/settings.js";
import { MaskLayer } from "./mask-layer.js";
import { BLANK, isBlank, painted, type Painting, type PaintingEvent } from "./painting.js";
import { useBitmap } from "./use-bitmap.js";

/** What {@link usePainting} gives. */
export interface PaintingState {
  /** For the canvas that shows the mask. */
  readonly attach: (canvas: HTMLCanvasElement | null) => void;
  readonly painting: Painting;
  readonly paint: (event: PaintingEvent) => void;
  /** Nothing is masked. */
  readonly isBlank: boolean;
  readonly error: string | undefined;
}

/**
 * A painting over an image of `size`, on a canvas, and told as a PNG after each mark.
 *
 * @param value - the mask to begin with. What this painting itself has told may come back as it.
 * @param onChange - is given the mask; `undefined` when nothing is masked any more.
 */
export function usePainting(
  size: Size | undefined,
  value: SourcePicture | undefined,
  onChange: (mask: Blob | undefined) => void,
): PaintingState {
  const [painting, paint] = useReducer(painted, BLANK);
  const [canvas, setCanvas] = useState<HTMLCanvasElement | null>(null);
  const [own, setOwn] = useState<Blob | undefined>(); // what was told last
  const [base, setBase] = useState(value);
  if (value !== own && !isSame(value, base)) {
    setBase(value);
    setOwn(undefined);
    paint({ kind: "reset" });
  }
  const { bitmap, error } = useBitmap("mask", base);
  const layer = useRef<MaskLayer>(undefined);
  const [width, height] = [size?.width, size?.height];
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    if (canvas === null || width === undefined || height === undefined) return;
    const accent = getComputedStyle(canvas).getPropertyValue("--dr-accent").trim();
    layer.current = new MaskLayer(canvas, { width, height }, accent === "" ? "#f2703f" : accent);
    layer.current.start(bitmap);
    return () => {
      layer.current = undefined;
    };
  }, [canvas, width, height, bitmap]);
  useEffect(() => {
    layer.current?.show(painting);
  }, [painting, canvas, width, height, bitmap]);

  const blank = isBlank(painting, base !== undefined);
  const told = useRef(painting.marks);
  const tell = useEffectEvent(async (isCurrent: () => boolean) => {
    try {
      const mask = blank ? undefined : await layer.current?.png();
      if (!isCurrent()) return;
      setOwn(mask);
      onChange(mask);
    } catch (cause) {
      if (isCurrent()) setFailure(cause instanceof Error ? cause.message : String(cause));
    }
  });
  useEffect(() => {
    if (painting.isDown || painting.marks === told.current || layer.current === undefined) return;
    told.current = painting.marks;
    if (painting === BLANK) return; // another mask came from outside: nothing of it is news
    let isCurrent = true;
    void tell(() => isCurrent);
    return () => {
      isCurrent = false;
    };
  }, [painting]);
  const attach = useCallback((element: HTMLCanvasElement | null) => setCanvas(element), []);
  return { attach, painting, paint, isBlank: blank, error: error ?? failure };
}

function isSame(one: SourcePicture | undefined, other: SourcePicture | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined || one instanceof Blob || other instanceof Blob) return false;
  return one.url === other.url;
}

import { useCallback, useEffect, useEffectEvent, useState } from "react";

import type { Size } from "../../settings/limits.js";
import type { Point } from "./painting.js";
import { fitted, panned, showing, type View, zoomed } from "./view.js";

/** What {@link useStage} gives. */
export interface StageState {
  /** For the element that the image is shown in. */
  readonly attach: (element: HTMLElement | null) => void;
  /** `undefined` until the image and the stage have sizes. */
  readonly view: View | undefined;
  /** In CSS pixels. */
  readonly window: Size | undefined;
  /** Around a point of the stage, or its middle. */
  readonly zoom: (factor: number, at?: Point) => void;
  readonly pan: (dx: number, dy: number) => void;
  /** Have a point of the image in sight. */
  readonly show: (point: Point) => void;
  /** The whole image again. */
  readonly fit: () => void;
}

const WHEEL_ZOOM = 1.0015;

/** Where an image of `size` lies in its stage. It fits until somebody moves it, also when the stage changes. */
export function useStage(size: Size | undefined): StageState {
  const [stage, setStage] = useState<HTMLElement | null>(null);
  const [window, setWindow] = useState<Size>();
  const [moved, setMoved] = useState<{ view: View; size: Size }>();

  useEffect(() => {
    if (stage === null) return;
    const measure = () => setWindow({ width: stage.clientWidth, height: stage.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(stage);
    return () => observer.disconnect();
  }, [stage]);

  const isKnown = size !== undefined && window !== undefined && window.width > 0 && window.height > 0;
  const isMoved = isKnown && moved?.size.width === size.width && moved.size.height === size.height;
  // the bounds of a stage that has changed hold for a view from before it
  const view = !isKnown ? undefined : isMoved ? zoomed(moved.view, 1, ORIGIN, size, window) : fitted(size, window);

  const move = (change: (view: View, size: Size, window: Size) => View) => {
    if (!isKnown) return;
    setMoved((before) => ({
      view: change(before?.size === size ? before.view : (view ?? fitted(size, window)), size, window),
      size,
    }));
  };
  const zoom = (factor: number, at?: Point) =>
    move((from, image, within) =>
      zoomed(from, factor, at ?? { x: within.width / 2, y: within.height / 2 }, image, within),
    );

  const onWheel = useEffectEvent((event: WheelEvent) => {
    if (stage === null) return;
    event.preventDefault();
    const { left, top } = stage.getBoundingClientRect();
    zoom(WHEEL_ZOOM ** -event.deltaY, { x: event.clientX - left, y: event.clientY - top });
  });
  useEffect(() => {
    if (stage === null) return;
    const listener = (event: WheelEvent) => onWheel(event);
    stage.addEventListener("wheel", listener, { passive: false }); // React's own is passive: the page would scroll
    return () => stage.removeEventListener("wheel", listener);
  }, [stage]);

  const attach = useCallback((element: HTMLElement | null) => setStage(element), []);
  return {
    attach,
    view,
    window,
    zoom,
    pan: (dx, dy) => move((from, image, within) => panned(from, dx, dy, image, within)),
    show: (point) => move((from, image, within) => showing(from, point, image, within)),
    fit: () => setMoved(undefined),
  };
}

const ORIGIN: Point = { x: 0, y: 0 };

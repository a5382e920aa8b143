import { type PointerEvent, useRef } from "react";

import type { Tool } from "./mask-toolbar.js";
import type { PaintingEvent, Point } from "./painting.js";
import type { StageState } from "./use-stage.js";
import { toImage } from "./view.js";

interface Pointing {
  stage: Omit<StageState, "attach">;
  tool: Tool;
  /** Of the brush, in pixels of the image. */
  radius: number;
  paint: (event: PaintingEvent) => void;
  /** Where the brush is, in pixels of the image. */
  onHover: (point: Point | undefined) => void;
}

/** What a pointer's gesture does: painting, moving the image with one pointer, or zooming and moving it with two. */
type Gesture = "paint" | "pan" | "pinch" | undefined;

const MAIN_BUTTON = 0;

/** The stage's handlers for mouse, pen and fingers: one finger paints, two move and zoom, the middle button moves. */
export function usePointers({ stage, tool, radius, paint, onHover }: Pointing) {
  const down = useRef(new Map<number, Point>());
  const gesture = useRef<Gesture>(undefined);
  const { view } = stage;
  if (view === undefined) return {};

  const at = ({ clientX, clientY }: { clientX: number; clientY: number }, element: Element): Point => {
    const { left, top } = element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const end = (event: PointerEvent) => {
    if (!down.current.delete(event.pointerId)) return;
    if (gesture.current === "paint") paint({ kind: "lift" });
    if (gesture.current !== "pinch" || down.current.size === 0) gesture.current = undefined;
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      const point = at(event, event.currentTarget);
      event.currentTarget.setPointerCapture(event.pointerId);
      down.current.set(event.pointerId, point);
      if (down.current.size > 1) {
        if (gesture.current === "paint") paint({ kind: "drop" }); // the first finger meant no stroke
        gesture.current = "pinch";
      } else if (event.button === MAIN_BUTTON && tool !== "move") {
        gesture.current = "paint";
        paint({ kind: "down", stroke: { kind: tool, radius, points: [toImage(view, point)] } });
      } else gesture.current = "pan";
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const element = event.currentTarget;
      const point = at(event, element);
      onHover(toImage(view, point));
      const before = down.current.get(event.pointerId);
      if (before === undefined) return;
      if (gesture.current === "paint") {
        const all = event.nativeEvent.getCoalescedEvents();
        const points = (all.length > 0 ? all : [event]).map((one) => toImage(view, at(one, element)));
        paint({ kind: "move", points });
      } else if (gesture.current === "pan") stage.pan(point.x - before.x, point.y - before.y);
      else if (gesture.current === "pinch") {
        const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1];
        if (other !== undefined) {
          const factor = distance(point, other) / Math.max(1, distance(before, other));
          stage.zoom(factor, other);
        }
      }
      down.current.set(event.pointerId, point);
    },
    onPointerUp: end,
    onPointerCancel: end,
    onPointerLeave: () => onHover(undefined),
    onContextMenu: (event: { preventDefault: () => void }) => event.preventDefault(), // a long press is no wish for a menu
  };
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

import { describe, expect, test } from "vitest";

import { commandOf } from "../src/components/mask/keyboard.js";
import { BLANK, isBlank, type Mark, painted, type PaintingEvent } from "../src/components/mask/painting.js";
import { fitted, panned, showing, toImage, toWindow, zoomed } from "../src/components/mask/view.js";

const DOWN: PaintingEvent = { kind: "down", stroke: { kind: "paint", radius: 5, points: [{ x: 1, y: 1 }] } };
const ERASE: PaintingEvent = { kind: "down", stroke: { kind: "erase", radius: 5, points: [{ x: 1, y: 1 }] } };
const LIFT: PaintingEvent = { kind: "lift" };
const UNDO: PaintingEvent = { kind: "undo" };
const REDO: PaintingEvent = { kind: "redo" };
const CLEAR: PaintingEvent = { kind: "clear" };

const after = (...events: PaintingEvent[]) => events.reduce(painted, BLANK);
const kinds = (marks: readonly Mark[]) => marks.map(({ kind }) => kind);

describe("a painting", () => {
  test("gathers the points of a stroke while the brush is down", () => {
    const move: PaintingEvent = {
      kind: "move",
      points: [
        { x: 2, y: 2 },
        { x: 3, y: 3 },
      ],
    };
    const [mark] = after(DOWN, move, LIFT, move).marks;
    expect(mark).toMatchObject({ kind: "paint", points: [{ x: 1 }, { x: 2 }, { x: 3 }] });
  });

  test("undoes and redoes mark by mark, clearing too", () => {
    const done = after(DOWN, LIFT, ERASE, LIFT, CLEAR);
    expect(kinds(done.marks)).toEqual(["paint", "erase", "clear"]);
    const undone = [UNDO, UNDO].reduce(painted, done);
    expect(kinds(undone.marks)).toEqual(["paint"]);
    expect(painted(painted(undone, REDO), REDO).marks).toEqual(done.marks);
    expect([UNDO, UNDO, UNDO].reduce(painted, undone).marks).toEqual([]);
  });

  test("a new mark is the end of what was undone", () => {
    expect(after(DOWN, LIFT, UNDO, ERASE, LIFT, REDO).marks).toHaveLength(1);
  });

  test("while the brush is down nothing else happens, and a dropped stroke never was", () => {
    const down = after(DOWN);
    for (const event of [UNDO, REDO, CLEAR, ERASE]) expect(painted(down, event)).toBe(down);
    expect(painted(down, { kind: "drop" })).toMatchObject({ marks: [], isDown: false });
  });

  test("what changes nothing gives the same painting", () => {
    for (const event of [UNDO, REDO, LIFT, { kind: "move", points: [] } as const])
      expect(painted(BLANK, event)).toBe(BLANK);
    const cleared = after(CLEAR);
    expect(painted(cleared, CLEAR)).toBe(cleared);
  });

  test("is blank until something is painted, and again when it is cleared", () => {
    expect(isBlank(BLANK, false)).toBe(true);
    expect(isBlank(after(ERASE, LIFT), false)).toBe(true);
    expect(isBlank(after(DOWN, LIFT), false)).toBe(false);
    expect(isBlank(after(DOWN, LIFT, CLEAR), false)).toBe(true);
    expect(isBlank(BLANK, true)).toBe(false);
    expect(isBlank(after(CLEAR), true)).toBe(true);
    expect(isBlank(after(CLEAR, UNDO), true)).toBe(false);
  });
});

describe("the view", () => {
  const image = { width: 400, height: 200 };
  const window = { width: 800, height: 800 };
  const whole = fitted(image, window);

  test("fits the whole image in the middle", () => {
    expect(whole).toEqual({ scale: 2, x: 0, y: 200 });
  });

  test("zooming keeps what is under the pointer, and goes no smaller than the whole", () => {
    const at = { x: 300, y: 400 };
    const near = zoomed(whole, 4, at, image, window);
    expect(near.scale).toBe(8);
    expect(toImage(near, at)).toEqual(toImage(whole, at));
    expect(zoomed(near, 0.001, at, image, window)).toEqual(whole);
    expect(zoomed(near, 1000, at, image, window).scale).toBe(16);
  });

  test("the image can't be moved out of sight", () => {
    const near = zoomed(whole, 4, { x: 400, y: 400 }, image, window);
    expect(panned(near, 1e6, 1e6, image, window)).toMatchObject({ x: 0, y: 0 });
    expect(panned(near, -1e6, -1e6, image, window)).toMatchObject({ x: 800 - 3200, y: 800 - 1600 });
    expect(panned(whole, 50, 50, image, window)).toEqual(whole);
  });

  test("a point is brought into sight by no more than it takes", () => {
    const near = panned(zoomed(whole, 4, { x: 400, y: 400 }, image, window), 1e6, 1e6, image, window);
    const shown = showing(near, { x: 200, y: 0 }, image, window);
    expect(toWindow(shown, { x: 200, y: 0 })).toEqual({ x: 800, y: 0 });
    expect(showing(shown, { x: 199, y: 1 }, image, window)).toBe(shown);
  });

  test("window and image are there and back", () => {
    const point = { x: 12.5, y: 99 };
    expect(toImage(whole, toWindow(whole, point))).toEqual(point);
  });
});

test("keys: moving, painting, tools, sizes, and what is not the mask's", () => {
  const keys = (key: string, held: object = {}) =>
    commandOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });
  expect(keys("ArrowUp")).toEqual({ kind: "step", dx: 0, dy: -0.5 });
  expect(keys("ArrowRight", { shiftKey: true })).toEqual({ kind: "step", dx: 3, dy: 0 });
  expect(keys(" ")).toEqual({ kind: "toggle" });
  expect(keys("E")).toEqual({ kind: "tool", tool: "erase" });
  expect(keys("z", { ctrlKey: true })).toEqual({ kind: "undo" });
  expect(keys("Z", { metaKey: true, shiftKey: true })).toEqual({ kind: "redo" });
  expect(keys("y", { ctrlKey: true })).toEqual({ kind: "redo" });
  for (const foreign of [keys("Tab"), keys("Escape"), keys("r", { ctrlKey: true }), keys("b", { altKey: true })]) {
    expect(foreign).toBeUndefined();
  }
});

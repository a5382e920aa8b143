import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { type ReactNode, StrictMode, useState } from "react";
import { beforeEach, expect, test, vi } from "vitest";

import type { SourcePicture } from "../src/index.js";
import { MaskCanvas } from "../src/mask-canvas.js";

const IMAGE = { url: "http://x/image" };

/** What was drawn: jsdom has no pixels, so each stroke is a line of text. */
let drawn: string[] = [];
let told: (Blob | undefined)[] = [];

beforeEach(() => {
  drawn = [];
  told = [];
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function (this: HTMLCanvasElement) {
    const context = {
      canvas: this,
      globalCompositeOperation: "source-over",
      lineWidth: 0,
      stroke: () => drawn.push(`${context.globalCompositeOperation} ${context.lineWidth}`),
      clearRect: () => drawn.push("clear"),
    };
    const rest = { get: (target: object, name: string) => (Reflect.get(target, name) as unknown) ?? (() => undefined) };
    return new Proxy(context, rest) as unknown as CanvasRenderingContext2D;
  } as never);
  vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation(function (this: HTMLCanvasElement, done) {
    done(new File([], `${this.width}x${this.height}`));
  });
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(800);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(400);
  vi.spyOn(HTMLImageElement.prototype, "naturalWidth", "get").mockReturnValue(400);
  vi.spyOn(HTMLImageElement.prototype, "naturalHeight", "get").mockReturnValue(200);
  return () => vi.restoreAllMocks();
});

function Painting() {
  const [mask, setMask] = useState<SourcePicture>();
  const onChange = (next: Blob | undefined) => {
    told.push(next);
    setMask(next);
  };
  return <MaskCanvas image={IMAGE} value={mask} onChange={onChange} />;
}

function show(element: ReactNode = <Painting />) {
  render(<StrictMode>{element}</StrictMode>);
  const image = document.querySelector("img");
  if (image === null) throw new Error("no image");
  fireEvent.load(image);
  return screen.getByRole("application", { name: "Mask" });
}

test("is painted by keys alone: put the brush down, move, lift", async () => {
  const stage = show();
  act(() => stage.focus());
  await userEvent.keyboard(" {ArrowRight}{ArrowRight}");
  expect(screen.getByText("Brush down")).toBeDefined();
  expect(told).toEqual([]);
  await userEvent.keyboard(" ");
  await waitFor(() => expect(told).toHaveLength(1));
  expect(told[0]).toMatchObject({ name: "400x200" });
  expect(drawn.filter((line) => line.startsWith("source-over"))).not.toEqual([]);
});

test("is painted by a pointer, and erased with the eraser", async () => {
  const stage = show();
  await userEvent.pointer([
    { keys: "[MouseLeft>]", target: stage, coords: { x: 10, y: 10 } },
    { keys: "[/MouseLeft]" },
  ]);
  await waitFor(() => expect(told).toHaveLength(1));
  await userEvent.click(screen.getByRole("radio", { name: "Eraser" }));
  await userEvent.pointer([
    { keys: "[MouseLeft>]", target: stage, coords: { x: 10, y: 10 } },
    { keys: "[/MouseLeft]" },
  ]);
  await waitFor(() => expect(told).toHaveLength(2));
  expect(drawn.at(-1)).toMatch(/^destination-out/);
});

test("undo, redo and clear tell the mask, and that there is none", async () => {
  const stage = show();
  act(() => stage.focus());
  await userEvent.keyboard("  ");
  await waitFor(() => expect(told).toHaveLength(1));
  await userEvent.click(screen.getByRole("button", { name: "Undo" }));
  await waitFor(() => expect(told).toHaveLength(2));
  expect(told[1]).toBeUndefined();
  act(() => stage.focus());
  await userEvent.keyboard("{Control>}{Shift>}z{/Shift}{/Control}");
  await waitFor(() => expect(told[2]).toBeInstanceOf(Blob));
  await userEvent.click(screen.getByRole("button", { name: "Clear the mask" }));
  await waitFor(() => expect(told).toHaveLength(4));
  expect(told[3]).toBeUndefined();
  expect(screen.getByText("Nothing masked")).toBeDefined();
});

test("the brush grows and shrinks by keys and by its slider", async () => {
  const stage = show();
  act(() => stage.focus());
  await userEvent.keyboard("]");
  expect(screen.getByRole("textbox", { name: "Brush size" })).toHaveProperty("value", "14%");
  act(() => screen.getByRole("slider").focus());
  await userEvent.keyboard("{ArrowRight}");
  expect(screen.getByRole("textbox", { name: "Brush size" })).not.toHaveProperty("value", "14%");
});

test("a picture that can't be shown is told", () => {
  render(<MaskCanvas image={IMAGE} onChange={() => undefined} />);
  const image = document.querySelector("img");
  if (image === null) throw new Error("no image");
  fireEvent.error(image);
  expect(screen.getByRole("alert").textContent).toMatch(/could not be loaded/);
});

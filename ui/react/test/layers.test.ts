import { describe, expect, test } from "vitest";

import { layered, type LayerEvent, NO_LAYERS } from "../src/components/image-display/layers.js";

const stack = (...events: [LayerEvent["kind"], string][]) =>
  events.map(([kind, src]): LayerEvent => ({ kind, src })).reduce(layered, NO_LAYERS);

const layer = (src: string, isLoaded = true) => ({ src, isLoaded });

test("a picture comes when it has loaded, and then is the one that is seen", () => {
  expect(stack(["wanted", "a"])).toMatchObject({ seen: undefined, coming: layer("a", false) });
  expect(stack(["wanted", "a"], ["loaded", "a"])).toMatchObject({ seen: undefined, coming: layer("a") });
  expect(stack(["wanted", "a"], ["loaded", "a"], ["faded", "a"])).toMatchObject({
    seen: layer("a"),
    coming: undefined,
  });
});

test("one that is still loading when the next one comes is never seen", () => {
  expect(stack(["wanted", "a"], ["wanted", "b"])).toMatchObject({ seen: undefined, coming: layer("b", false) });
});

test("one that is still fading in when the next one comes is seen at once", () => {
  expect(stack(["wanted", "a"], ["loaded", "a"], ["wanted", "b"])).toMatchObject({
    seen: layer("a"),
    coming: layer("b", false),
  });
});

test("what is told of a picture that is not there any more changes nothing", () => {
  const now = stack(["wanted", "a"], ["wanted", "b"]);
  expect(layered(now, { kind: "loaded", src: "a" })).toBe(now);
  expect(layered(now, { kind: "faded", src: "b" })).toBe(now);
});

describe("one that fails", () => {
  const failed = stack(["wanted", "a"], ["loaded", "a"], ["faded", "a"], ["wanted", "b"], ["failed", "b"]);
  const again = layered(failed, { kind: "again", src: "b" });

  test("leaves what is seen, and is not tried again unasked", () => {
    expect(failed).toEqual({ seen: layer("a"), coming: undefined, failed: { src: "b", times: 1 } });
    expect(layered(failed, { kind: "wanted", src: "b" })).toBe(failed);
  });

  test("is known as failed until it could be loaded", () => {
    expect(again).toEqual({ seen: layer("a"), coming: layer("b", false), failed: { src: "b", times: 1 } });
    expect(layered(again, { kind: "failed", src: "b" }).failed).toEqual({ src: "b", times: 2 });
    expect(layered(again, { kind: "loaded", src: "b" })).toEqual({
      seen: layer("a"),
      coming: layer("b"),
      failed: undefined,
    });
  });

  test("alone is tried again", () => {
    expect(layered(failed, { kind: "again", src: "a" })).toBe(failed);
    expect(layered(again, { kind: "again", src: "b" })).toBe(again);
  });
});

test("going back to the picture that is seen drops the one that was to come", () => {
  expect(stack(["wanted", "a"], ["loaded", "a"], ["faded", "a"], ["wanted", "b"], ["wanted", "a"])).toMatchObject({
    seen: layer("a"),
    coming: undefined,
  });
});

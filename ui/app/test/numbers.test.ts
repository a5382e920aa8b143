import { describe, expect, it } from "vitest";

import { bytes, duration } from "../src/words/numbers.js";

describe("a duration", () => {
  it.each([
    [0.04, "0 s"],
    [0.42, "0.4 s"],
    [0.97, "1 s"],
    [3.04, "3 s"],
    [7.25, "7.3 s"],
    [9.96, "10 s"],
    [99.6, "2 min"],
    [300, "5 min"],
    [7200, "2 h"],
  ])("of %f s is read as %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe("bytes", () => {
  it.each([
    [12, "12 B"],
    [12_400, "12 KB"],
    [1_240_000, "1.2 MB"],
  ])("%i are read as %s", (count, text) => {
    expect(bytes(count)).toBe(text);
  });
});

import { expect, it } from "vitest";

import { titleOf } from "../src/shell/titles.js";

it("names what is there, and says so where nothing is", () => {
  expect(["/", "/gallery", "/jobs/j1", "/nowhere"].map(titleOf)).toEqual([
    "Darkroom",
    "Gallery",
    "A picture",
    "Nothing here",
  ]);
});

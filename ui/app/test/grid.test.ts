import { describe, expect, it } from "vitest";

import { columnsFor } from "../src/develop/grid.js";

describe("pictures that share a room", () => {
  it.each([
    ["one has it alone", 1, 1, 1.5, 1],
    ["two stand side by side in a wide room", 2, 1, 1.5, 2],
    ["two stand one above the other in a high room", 2, 1, 0.6, 1],
    ["four squares make a square", 4, 1, 1.2, 2],
    ["three high ones stand in a row", 3, 0.6, 1.5, 3],
    ["two wide ones stand one above the other in a square room", 2, 16 / 9, 1, 1],
    ["nine squares make a square", 9, 1, 1, 3],
  ])("%s", (_, count, aspect, room, columns) => {
    expect(columnsFor(count, aspect, room)).toBe(columns);
  });
});

import { describe, expect, it } from "vitest";

import { neighbours, reachesTooShort } from "../src/detail/neighbours.js";

const hung = [9, 7, 5].map((at) => ({ job_id: `job-${at}`, created_at: at }));

describe("a picture's neighbours", () => {
  it("are the ones beside it", () => {
    expect(neighbours(hung, "job-7")).toEqual({ newer: "job-9", older: "job-5" });
    expect(neighbours(hung, "job-9")).toEqual({ newer: undefined, older: "job-7" });
  });

  it("are none where it does not hang", () => {
    expect(neighbours(hung, "job-8")).toEqual({ newer: undefined, older: undefined });
  });

  it("are looked for further down, if it hangs there", () => {
    expect(reachesTooShort(hung, "job-3", 3)).toBe(true);
    expect(reachesTooShort(hung, "job-5", 5)).toBe(true);
    expect(reachesTooShort(hung, "job-7", 7)).toBe(false);
  });

  it("are not looked for without end", () => {
    expect(reachesTooShort(hung, "job-8", 8)).toBe(false);
    expect(reachesTooShort([], "job-8", 8)).toBe(false);
    expect(reachesTooShort(hung, "job-3", undefined)).toBe(false);
    const many = Array.from({ length: 1000 }, (_, at) => ({ job_id: `m${at}`, created_at: 5000 - at }));
    expect(reachesTooShort(many, "job-3", 3)).toBe(false);
  });
});

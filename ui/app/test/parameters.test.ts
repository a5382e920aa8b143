import type { Job } from "@darkroom/client";
import { describe, expect, it } from "vitest";

import { rowsOf } from "../src/detail/parameters.js";

const job = (change: Partial<Job>): Job =>
  ({
    job_id: "a",
    status: "succeeded",
    model: "sd15",
    created_at: 1_700_000_000,
    started_at: 1_700_000_001,
    finished_at: 1_700_000_003.5,
    timings: null,
    images: [],
    request: {},
    ...change,
  }) as unknown as Job;

const image = (index: number, seed: number) =>
  ({ index, seed, format: "png", width: 128, height: 96, size: 12_400, url: "" }) as const;

describe("a job's parameters", () => {
  it("tell the seed of the picture that is looked at", () => {
    const both = job({ images: [image(0, 7), image(1, 8)], request: { seed: 7, n: 2 } });
    expect(Object.fromEntries(rowsOf(both, 1))).toMatchObject({ Seed: "8", Size: "128 × 96", File: "PNG, 12 KB" });
  });

  it("leave out what does not apply", () => {
    const names = rowsOf(job({ request: { steps: 4 } }), 0).map(([name]) => name);
    expect(names).toEqual(["Model", "Steps", "Asked for", "Took"]);
  });

  it("tell that it started from a picture, and how far it went from it", () => {
    const edited = job({
      request: { image: { width: 64, height: 64 }, mask: { width: 64, height: 64 }, strength: 0.6 },
    });
    expect(Object.fromEntries(rowsOf(edited, 0))).toMatchObject({
      "Started from": "a picture, 64 × 64, with a mask",
      Strength: "0.6",
    });
  });
});

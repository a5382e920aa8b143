import { describe, expect, it } from "vitest";

import type { ActivityBucket as Bucket, ActivityFigures as Figures } from "@darkroom/client";
import { jobs, largest, longWait, meanWait, newest, throughput, together } from "../src/operations/series.js";

const nothing: Figures = {
  submitted: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  expired: 0,
  images: 0,
  wait_mean_s: null,
  wait_p95_s: null,
  run_mean_s: null,
  run_p95_s: null,
};

const bucket = (images: number, change: Partial<Bucket> = {}): Bucket => ({
  start: 0,
  figures: { ...nothing, images },
  queued: 0,
  running: 0,
  backlog_s: 0,
  replicas: 1,
  ...change,
});

describe("throughput", () => {
  it("is what came in the minute before, also where that began earlier", () => {
    const buckets = [3, 0, 0, 0, 0, 0, 0, 1].map((images) => bucket(images));
    expect(throughput(buckets, 10)).toEqual([3, 3, 3, 3, 3, 3, 0, 1]);
  });

  it("is per minute whatever a bucket lasts", () => {
    expect(throughput([bucket(2)], 30)).toEqual([2]);
    expect(throughput([bucket(2)], 120)).toEqual([1]);
  });
});

describe("waits", () => {
  const waited = (mean: number | null, p95 = mean) =>
    bucket(0, { figures: { ...nothing, wait_mean_s: mean, wait_p95_s: p95 } });

  it("are of those that started in the minute before, and of nobody else", () => {
    const buckets = [waited(2, 9), waited(null), waited(4, 5), ...Array.from({ length: 6 }, () => waited(null))];
    expect(meanWait(buckets, 10)).toEqual([2, 2, 3, 3, 3, 3, 4, 4, null]);
    expect(longWait(buckets, 10)).toEqual([9, 9, 9, 9, 9, 9, 5, 5, null]);
  });
});

describe("a series", () => {
  it("has a gap where nobody looked", () => {
    const series = jobs([bucket(0, { queued: 2, running: 1 }), bucket(0, { queued: null, running: null })]);
    expect(series).toEqual([3, null]);
    expect(newest(series)).toBe(3);
    expect(largest(series, [5, null])).toBe(5);
  });

  it("may be empty", () => {
    expect(newest([])).toBeUndefined();
    expect(largest([])).toBe(0);
  });
});

it("a mean over models counts each by its jobs", () => {
  const one = { model: "a", buckets: [], total: { ...nothing, submitted: 3, images: 3, wait_mean_s: 1 } };
  const two = { model: "b", buckets: [], total: { ...nothing, submitted: 1, images: 4, wait_mean_s: 5 } };
  const idle = { model: "c", buckets: [], total: nothing };
  expect(together([one, two, idle])).toEqual({ images: 7, failed: 0, meanWaitS: 2 });
  expect(together([idle]).meanWaitS).toBeNull();
});

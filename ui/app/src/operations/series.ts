/** Buckets as lines to draw. Pure. */

import type { ActivityBucket as Bucket, ModelActivity } from "@darkroom/client";

/** One value for each bucket; null where there is none. */
export type Series = readonly (number | null)[];

/** Finished pictures per minute, each over the minute before. */
export function throughput(buckets: readonly Bucket[], bucketS: number): Series {
  const seconds = Math.max(1, Math.round(60 / bucketS)) * bucketS;
  return overMinutes(
    buckets,
    bucketS,
    ({ figures }) => figures.images,
    (images) => (sum(images) * 60) / seconds,
  );
}

/** The mean wait for a start, each over the minute before; null where nothing started in it. */
export function meanWait(buckets: readonly Bucket[], bucketS: number): Series {
  return overMinutes(
    buckets,
    bucketS,
    ({ figures }) => figures.wait_mean_s,
    (waits) => sum(waits) / waits.length,
  );
}

/** What 95 % waited at most, each over the minute before. */
export function longWait(buckets: readonly Bucket[], bucketS: number): Series {
  return overMinutes(
    buckets,
    bucketS,
    ({ figures }) => figures.wait_p95_s,
    (waits) => Math.max(...waits),
  );
}

/** Jobs that wait and run. */
export function jobs(buckets: readonly Bucket[]): Series {
  return buckets.map(({ queued, running }) =>
    queued === null && running === null ? null : (queued ?? 0) + (running ?? 0),
  );
}

/** The last value that there is. */
export function newest(series: Series): number | undefined {
  return series.findLast((value) => value !== null) ?? undefined;
}

/** The largest value; 0 without any. */
export function largest(...all: Series[]): number {
  return Math.max(0, ...all.flat().filter((value) => value !== null));
}

/** All models together; the mean wait counts each by its jobs. */
export function together(models: readonly ModelActivity[]): {
  images: number;
  failed: number;
  meanWaitS: number | null;
} {
  const totals = models.map(({ total }) => total);
  const begun = totals.filter(({ wait_mean_s }) => wait_mean_s !== null);
  const jobs = sum(begun.map(({ submitted }) => submitted));
  const waited = sum(begun.map(({ submitted, wait_mean_s }) => submitted * (wait_mean_s ?? 0)));
  return {
    images: sum(totals.map(({ images }) => images)),
    failed: sum(totals.map(({ failed }) => failed)),
    meanWaitS: jobs === 0 ? null : waited / jobs,
  };
}

/** For each bucket what `summed` makes of a figure in the minute that ends with it; null where that has none. */
function overMinutes(
  buckets: readonly Bucket[],
  bucketS: number,
  figure: (bucket: Bucket) => number | null,
  summed: (values: number[]) => number,
): Series {
  const minute = Math.max(1, Math.round(60 / bucketS));
  return buckets.map((_, at) => {
    const values = buckets
      .slice(Math.max(0, at + 1 - minute), at + 1)
      .map(figure)
      .filter((value) => value !== null);
    return values.length === 0 ? null : summed(values);
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

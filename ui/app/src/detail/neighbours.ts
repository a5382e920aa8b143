/** Which pictures hang beside one. Pure. */

import type { Job } from "@darkroom/client";

/** Who opens a picture this far down the gallery walks from it no further than from the last one. */
const MAX_LOADED = 1000;

type Hung = Pick<Job, "job_id" | "created_at">;

/** The ids before (newer) and after (older) `id`; absent at the ends, both if it is not among them. */
export function neighbours(
  jobs: readonly Hung[],
  id: string,
): { newer: string | undefined; older: string | undefined } {
  const at = jobs.findIndex(({ job_id }) => job_id === id);
  return at === -1
    ? { newer: undefined, older: undefined }
    : { newer: jobs[at - 1]?.job_id, older: jobs[at + 1]?.job_id };
}

/**
 * Whether older pictures must be loaded to know the neighbours of `id`.
 *
 * @param jobs - what is loaded, newest first.
 * @param createdAt - of the job, in seconds since the epoch; absent until it is known.
 */
export function reachesTooShort(jobs: readonly Hung[], id: string, createdAt: number | undefined): boolean {
  const last = jobs.at(-1);
  if (last === undefined || createdAt === undefined || jobs.length >= MAX_LOADED) return false;
  return last.job_id === id || last.created_at > createdAt;
}

/** How a job gets into, and out of, the pages of a gallery that are loaded. Pure. */

import type { Job, JobPage } from "@darkroom/client";
import type { InfiniteData } from "@tanstack/react-query";

import type { GalleryFilters } from "./keys.js";

/** The loaded pages of one gallery. */
export type Pages = InfiniteData<JobPage, string | null>;

/**
 * The pages with `job` as it is now: in its old place, or where its age puts it. A job that is older than all that is
 * loaded comes with its own page, and one that the filters leave out goes.
 */
export function withJob(pages: Pages, job: Job, filters: GalleryFilters): Pages {
  if (!shows(filters, job)) return withoutJob(pages, job.job_id);
  const isThere = pages.pages.some(({ jobs }) => jobs.some(({ job_id }) => job_id === job.job_id));
  if (isThere) return mapped(pages, (jobs) => jobs.map((old) => (old.job_id === job.job_id ? job : old)));
  const at = pages.pages.findIndex(
    ({ jobs, next_cursor }) => next_cursor === null || jobs.some(({ created_at }) => created_at <= job.created_at),
  );
  return mapped(pages, (jobs, page) => {
    if (page !== at) return jobs;
    const before = jobs.findIndex(({ created_at }) => created_at <= job.created_at);
    return before === -1 ? [...jobs, job] : [...jobs.slice(0, before), job, ...jobs.slice(before)];
  });
}

/** The pages without a job. */
export function withoutJob(pages: Pages, jobId: string): Pages {
  return mapped(pages, (jobs) => jobs.filter(({ job_id }) => job_id !== jobId));
}

/** All jobs of the pages, each once: a page that was loaded later may begin with what has moved on from the one before. */
export function jobsOf(pages: Pages | undefined): Job[] {
  const byId = new Map<string, Job>();
  for (const job of pages?.pages.flatMap(({ jobs }) => jobs) ?? []) {
    if (!byId.has(job.job_id)) byId.set(job.job_id, job);
  }
  return [...byId.values()];
}

function shows({ model, text, status }: GalleryFilters, job: Job): boolean {
  if (status !== undefined && job.status !== status) return false;
  if (model !== undefined && job.model !== model) return false;
  const sought = text?.trim().toLocaleLowerCase() ?? "";
  return sought === "" || (job.request.prompt ?? "").toLocaleLowerCase().includes(sought);
}

function mapped(pages: Pages, change: (jobs: Job[], page: number) => Job[]): Pages {
  return { ...pages, pages: pages.pages.map((page, at) => ({ ...page, jobs: change(page.jobs, at) })) };
}

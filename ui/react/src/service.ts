/** What all hooks under one provider share. No React in here. */

import { type Darkroom, DarkroomError, type Job } from "@darkroom/client";
import type { QueryClient, QueryKey } from "@tanstack/react-query";

import { Access } from "./access.js";
import { type Pages, withJob, withoutJob } from "./gallery-cache.js";
import { JobStore } from "./jobs/job-store.js";
import { Roll } from "./jobs/roll.js";
import { sessionIds } from "./jobs/unfinished.js";
import { type GalleryFilters, keys } from "./keys.js";
import { locatedJob } from "./located.js";

/** One Darkroom service as a page sees it: what is known of jobs, the roll, the cache, and whether we are let in. */
export class Service {
  readonly client: Darkroom;
  readonly queries: QueryClient;
  readonly access: Access;
  readonly store: JobStore;
  readonly roll: Roll;

  /** @param onUnauthorized - is told when the service does not let the page in any more. */
  constructor(client: Darkroom, queries: QueryClient, onUnauthorized: () => void) {
    this.client = client;
    this.queries = queries;
    this.access = new Access(client, (unauthorized) => {
      if (unauthorized) onUnauthorized();
      else this.#begin();
    });
    this.store = new JobStore(client, {
      onError: this.access.tell,
      onEnded: (jobId, job) => void this.#ended(jobId, job),
    });
    this.roll = new Roll(client, this.store, sessionIds(client.baseUrl));
  }

  /** Watch over everything until the returned function is called. */
  open(): () => void {
    const close = this.roll.open();
    const ignore = this.queries.getQueryCache().subscribe((event) => {
      if (event.type !== "updated" || event.action.type !== "error") return;
      const error: unknown = event.action.error;
      if (error instanceof DarkroomError) this.access.tell(error);
    });
    return () => {
      close();
      ignore();
    };
  }

  /** Sign out, and forget all that was seen. */
  async signOut(): Promise<void> {
    await this.access.signOut();
    this.roll.clear();
    await this.queries.resetQueries({ queryKey: keys.all(this.client.baseUrl) });
  }

  /** Delete a job, with its images. Throws DarkroomError if that can't be; then it is shown again. */
  async remove(jobId: string): Promise<void> {
    this.#everyGallery((pages) => withoutJob(pages, jobId));
    try {
      await this.client.delete(jobId);
    } catch (error) {
      void this.queries.invalidateQueries({ queryKey: keys.galleries(this.client.baseUrl) });
      throw error;
    }
    this.#everyGallery((pages) => withoutJob(pages, jobId)); // a look at the jobs may have come meanwhile
    this.roll.dismiss(jobId);
    this.store.forget(jobId);
    // whoever still shows it is not to ask for it, and whoever comes back to it is
    await this.queries.invalidateQueries({ queryKey: keys.job(this.client.baseUrl, jobId), refetchType: "none" });
  }

  /** Try again all that a missing key has kept from coming. */
  #begin(): void {
    this.store.retryFailed();
    void this.queries.invalidateQueries({ queryKey: keys.all(this.client.baseUrl) });
  }

  /** A job that has ended is what it will always be: whoever shows it gets it. */
  async #ended(jobId: string, known?: Job): Promise<void> {
    let job = known;
    try {
      job ??= await this.client.get(jobId);
    } catch (error) {
      if (error instanceof DarkroomError) this.access.tell(error);
      return;
    }
    const ended = locatedJob(job, this.client);
    this.queries.setQueryData(keys.job(this.client.baseUrl, jobId), ended);
    this.#everyGallery((pages, filters) => withJob(pages, ended, filters));
  }

  #everyGallery(change: (pages: Pages, filters: GalleryFilters) => Pages): void {
    const galleries = this.queries.getQueriesData<Pages>({ queryKey: keys.galleries(this.client.baseUrl) });
    for (const [key, pages] of galleries) {
      if (pages !== undefined) this.queries.setQueryData(key, change(pages, filtersOf(key)));
    }
  }
}

function filtersOf(key: QueryKey): GalleryFilters {
  const [, , , filters] = key as ReturnType<typeof keys.gallery>;
  return filters;
}

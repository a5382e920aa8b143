import { DarkroomError, type Job, type JobPage, type ListOptions } from "@darkroom/client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";

import { useService } from "../context.js";
import { jobsOf, type Pages } from "../gallery-cache.js";
import { type GalleryFilters, keys } from "../keys.js";
import { locatedJob } from "../located.js";

const PAGE = 50;
const FRESH_MS = 10_000;

/** What {@link useGallery} tells and does. */
export interface GalleryState {
  /** All that is loaded, newest first. */
  readonly jobs: readonly Job[];
  /** Load older ones; does nothing while it is under way. */
  readonly fetchNextPage: () => void;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  /** Nothing is loaded yet. */
  readonly isPending: boolean;
  /** Why the last load or removal failed. */
  readonly error: DarkroomError | undefined;
  /** Delete a job, with its images: it goes at once, and comes back if the service refuses, which `error` tells. */
  readonly remove: (jobId: string) => Promise<void>;
}

/** The jobs there are, page by page. Those that end while this page follows them come in by themselves. */
export function useGallery({ model, text, status }: GalleryFilters = {}): GalleryState {
  const service = useService();
  const { client } = service;
  const filters = clean({ model, text: text?.trim(), status });
  const { data, error, isPending, hasNextPage, isFetching, isFetchingNextPage, fetchNextPage } = useInfiniteQuery<
    JobPage,
    DarkroomError,
    Pages,
    ReturnType<typeof keys.gallery>,
    string | null
  >({
    queryKey: keys.gallery(client.baseUrl, filters),
    queryFn: async ({ pageParam, signal }) => {
      const wanted: ListOptions = { ...filters, limit: PAGE, signal };
      const page = await client.list(pageParam === null ? wanted : { ...wanted, cursor: pageParam });
      return { ...page, jobs: page.jobs.map((job) => locatedJob(job, client)) };
    },
    initialPageParam: null,
    getNextPageParam: ({ next_cursor }) => next_cursor,
    retry: false, // the client has tried again already
    staleTime: FRESH_MS,
  });
  const [refusal, setRefusal] = useState<DarkroomError>();
  const remove = useCallback(
    async (jobId: string) => {
      setRefusal(undefined);
      try {
        await service.remove(jobId);
      } catch (failure) {
        if (!(failure instanceof DarkroomError)) throw failure;
        service.access.tell(failure);
        setRefusal(failure);
      }
    },
    [service],
  );
  const jobs = useMemo(() => jobsOf(data), [data]);
  return {
    jobs,
    fetchNextPage: () => {
      if (hasNextPage && !isFetching) void fetchNextPage();
    },
    hasNextPage,
    isFetchingNextPage,
    isPending,
    error: refusal ?? error ?? undefined,
    remove,
  };
}

/** `filters` without those that filter nothing: one gallery has one key. */
function clean(filters: GalleryFilters): GalleryFilters {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined && value !== ""));
}

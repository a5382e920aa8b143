import type { DarkroomError, Job, JobPage, ListOptions } from "@darkroom/client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";

import { useService } from "../context.js";
import { jobsOf, type Pages } from "../gallery-cache.js";
import { type GalleryFilters, keys } from "../keys.js";
import { locatedJob } from "../located.js";
import { useRemoval } from "./use-removal.js";

const PAGE = 50;
const FRESH_MS = 10_000;
/** How often a page is looked at again: who has loaded many looks at them less often. */
const NEWS_MS = 5_000;

/** What {@link useGallery} tells and does. */
export interface GalleryState {
  /** All that is loaded, newest first. */
  readonly jobs: readonly Job[];
  /** Load older ones; does nothing while that is under way. */
  readonly fetchNextPage: () => void;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  /** Older ones could not be loaded, which `error` tells; false again once a look has gone well. */
  readonly isNextPageMissing: boolean;
  /** Nothing is loaded yet. */
  readonly isPending: boolean;
  /** Why the last load or removal failed. */
  readonly error: DarkroomError | undefined;
  /** As {@link useRemoval} does. */
  readonly remove: (jobId: string) => Promise<boolean>;
}

/**
 * The jobs there are, page by page. Those that end while this page follows them come in by themselves, those of others at
 * the next look, every few seconds.
 */
export function useGallery({ model, text, status }: GalleryFilters = {}): GalleryState {
  const service = useService();
  const { client } = service;
  const filters = clean({ model, text: text?.trim(), status });
  const { data, error, isPending, hasNextPage, isFetching, ...next } = useInfiniteQuery<
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
    refetchInterval: ({ state }) => NEWS_MS * Math.max(1, state.data?.pages.length ?? 1),
  });
  const { fetchNextPage, isFetchingNextPage, isFetchNextPageError: isNextPageMissing } = next;
  const removal = useRemoval();
  const jobs = useMemo(() => jobsOf(data), [data]);
  // a search looks at so many jobs for one page, which may have found none of them
  const goesOn = jobs.length === 0 && hasNextPage && error === null;
  const looksOn = goesOn && !isFetching;
  useEffect(() => {
    if (looksOn) void fetchNextPage();
  }, [looksOn, data, fetchNextPage]); // a page may come and be told before it was seen that it was asked for
  return {
    jobs,
    fetchNextPage: () => {
      if (hasNextPage && !isFetchingNextPage) void fetchNextPage(); // another look under way gives way
    },
    hasNextPage,
    isFetchingNextPage,
    isNextPageMissing,
    isPending: isPending || goesOn,
    error: removal.error ?? error ?? undefined,
    remove: removal.remove,
  };
}

/** `filters` without those that filter nothing: one gallery has one key. */
function clean(filters: GalleryFilters): GalleryFilters {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined && value !== ""));
}

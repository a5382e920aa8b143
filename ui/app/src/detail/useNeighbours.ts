import { useGallery } from "@darkroom/react";
import { useEffect, useEffectEvent } from "react";
import { useLocation } from "wouter";

import { useGalleryFilters } from "../gallery/useGalleryFilters.js";
import { neighbours, reachesTooShort } from "./neighbours.js";
import { useArrows } from "./useArrows.js";

interface Neighbours {
  /** Leads to the newer picture, as the left arrow does; absent at the beginning. */
  left: (() => void) | undefined;
  /** Leads to the older one. */
  right: (() => void) | undefined;
  /** The end of the gallery's address that one came from. */
  search: string;
}

/** What the arrows lead to from a job: the pictures beside it in the gallery as it is filtered. */
export function useNeighbours(jobId: string, createdAt: number | undefined): Neighbours {
  const { filters, search } = useGalleryFilters();
  const gallery = useGallery(filters);
  const [, go] = useLocation();

  const { jobs, hasNextPage, isFetchingNextPage } = gallery;
  const wantsMore = hasNextPage && !isFetchingNextPage && reachesTooShort(jobs, jobId, createdAt);
  const loadMore = useEffectEvent(() => {
    gallery.fetchNextPage();
  });
  useEffect(() => {
    if (wantsMore) loadMore();
  }, [wantsMore]);

  const to = (id: string | undefined) =>
    id === undefined
      ? undefined
      : () => {
          go(`/jobs/${id}${search}`, { replace: true });
        };
  const { newer, older } = neighbours(jobs, jobId);
  const [left, right] = [to(newer), to(older)];
  useArrows({ left: () => left?.(), right: () => right?.() });
  return { left, right, search };
}

import type { Job } from "@darkroom/client";
import type { ReactNode } from "react";
import { Collection, GridLayout, GridList, GridListLoadMoreItem, Size, Virtualizer } from "react-aria-components";

import { classNames } from "../class-names.js";
import { GalleryItem } from "./gallery-item.js";
import styles from "./gallery.module.css";

/** The props of {@link Gallery}. */
export interface GalleryProps {
  /** As `useGallery` tells them. */
  jobs: readonly Job[];
  /** A click, a tap, or Enter. */
  onOpen: (jobId: string) => void;
  /** The end is near. */
  onLoadMore: () => void;
  /** Whether there is more to load. */
  hasMore: boolean;
  /** The `job_id` of the one that is open. */
  selected?: string | undefined;
  /** What stands there while there are no jobs. */
  empty?: ReactNode;
  /** Names the list; "Gallery" if absent. */
  "aria-label"?: string;
  className?: string | undefined;
}

const LAYOUT = {
  minItemSize: new Size(140, 140),
  maxItemSize: new Size(240, 240),
  minSpace: new Size(8, 8),
  preserveAspectRatio: true,
};

/**
 * All pictures, however many: only those in sight are in the document. It scrolls by itself, so it needs a height. One
 * moves by the arrow keys, Home and End, finds by typing the beginning of a prompt, and opens with Enter.
 */
export function Gallery({ jobs, onOpen, onLoadMore, hasMore, selected, empty, className, ...rest }: GalleryProps) {
  return (
    <Virtualizer layout={GridLayout} layoutOptions={LAYOUT}>
      <GridList
        aria-label={rest["aria-label"] ?? "Gallery"}
        layout="grid"
        className={classNames(styles["gallery"], className)}
        onAction={(id) => onOpen(String(id))}
        renderEmptyState={() => empty}
      >
        <Collection items={jobs} dependencies={[selected]}>
          {(job) => <GalleryItem id={job.job_id} job={job} isSelected={job.job_id === selected} />}
        </Collection>
        {hasMore && (
          <GridListLoadMoreItem className={styles["more"] ?? ""} onLoadMore={onLoadMore} isLoading>
            Loading
          </GridListLoadMoreItem>
        )}
      </GridList>
    </Virtualizer>
  );
}

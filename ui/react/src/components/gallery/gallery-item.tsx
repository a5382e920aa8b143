import type { Job, JobStatus } from "@darkroom/client";
import { Ban, CircleAlert, Clock, Images, ImageOff, LoaderCircle, type LucideIcon } from "lucide-react";
import { GridListItem } from "react-aria-components";

import styles from "./gallery.module.css";
import { thumbnailUrl } from "./thumbnail.js";

interface GalleryItemProps {
  /** The job's; here, because the list takes it as the item's key, without which other jobs would take its place. */
  id: string;
  job: Job;
  isSelected: boolean;
}

const WITHOUT_PICTURE: Record<JobStatus, { icon: LucideIcon; words: string }> = {
  queued: { icon: Clock, words: "Waiting" },
  running: { icon: LoaderCircle, words: "Developing" },
  succeeded: { icon: ImageOff, words: "Expired" },
  failed: { icon: CircleAlert, words: "Failed" },
  cancelled: { icon: Ban, words: "Cancelled" },
  expired: { icon: Clock, words: "Expired before it began" },
};

/** One job: its first picture, or why there is none. */
export function GalleryItem({ id, job, isSelected }: GalleryItemProps) {
  const prompt = job.request.prompt ?? "";
  const [first] = job.status === "succeeded" && !job.images_expired ? job.images : [];
  const count = job.images.length;
  return (
    <GridListItem
      id={id}
      textValue={prompt === "" ? job.job_id : prompt}
      className={styles["item"] ?? ""}
      data-chosen={isSelected}
    >
      {first === undefined ? (
        <WithoutPicture status={job.status} prompt={prompt} />
      ) : (
        <img
          className={styles["picture"]}
          src={thumbnailUrl(first.url, 256)}
          srcSet={`${thumbnailUrl(first.url, 256)} 1x, ${thumbnailUrl(first.url, 512)} 2x`}
          alt={prompt}
          draggable={false}
          decoding="async"
        />
      )}
      {first !== undefined && count > 1 && (
        <span className={styles["count"]}>
          <Images size={14} strokeWidth={1.75} aria-hidden />
          <span className={styles["unseen"]}>one of </span>
          {count}
        </span>
      )}
      {isSelected && <span className={styles["unseen"]}>open now</span>}
    </GridListItem>
  );
}

function WithoutPicture({ status, prompt }: { status: JobStatus; prompt: string }) {
  const { icon: Icon, words } = WITHOUT_PICTURE[status];
  return (
    <div className={styles["without"]} data-status={status}>
      <Icon size={20} strokeWidth={1.5} aria-hidden />
      <span>{words}</span>
      <span className={styles["prompt"]}>{prompt}</span>
    </div>
  );
}

/** A job as it develops: what a page shows of it, told by its events or by one look. */

import { type Job, type JobRequest, type JobStatus, TERMINAL_STATUSES } from "@darkroom/client";

/** `submitting` until the service has committed the job; then as the service calls it. */
export type DevelopingStatus = "submitting" | JobStatus;

/** One image of a job on its way. */
export interface DevelopingImage {
  /** Which of the job's images, from 0. */
  readonly index: number;
  /** Steps done, of `total`. */
  readonly step: number;
  /** Steps in all; 0 while nothing is known of it. */
  readonly total: number;
  /** The newest preview as a data URL; it stays when the image is finished, to be faded from. */
  readonly preview?: string;
  /** Where the finished image is; absent until its job has succeeded, and when it is kept no more. */
  readonly url?: string;
  /** Absent until the image is finished. */
  readonly seed?: number;
  /** Pixels of the finished image; before, as they were asked for, or absent. */
  readonly width?: number;
  /** See `width`. */
  readonly height?: number;
}

/** A job on its way. Values never change: each event makes a new one. */
export interface Developing {
  /** The service's id; while `submitting`, one that was drawn here and that the service does not know. */
  readonly jobId: string;
  readonly status: DevelopingStatus;
  /** Jobs to be dispatched before this one; only while queued. */
  readonly position?: number;
  /** Estimated seconds until the images are there, as they were when the job was queued. */
  readonly etaS?: number;
  /** From 1; 0 before the first start. */
  readonly attempt: number;
  /** Why the job had to be taken up again, and after which step; of the newest attempt. */
  readonly restarted?: { readonly reason: string; readonly step: number };
  /** All of the job's images, by index, as far as their number is known. */
  readonly images: readonly DevelopingImage[];
  /** Why it ended without images: a stable code and a sentence. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Seconds per stage, of a job that has succeeded. */
  readonly timings?: Readonly<Record<string, number>>;
}

/** Whether nothing more will happen to it. */
export function isOver({ status }: Pick<Developing, "status">): boolean {
  return status !== "submitting" && TERMINAL_STATUSES.has(status);
}

/** What is known of a job that is told of by nothing but its id. */
export function unseen(jobId: string): Developing {
  return { jobId, status: "queued", attempt: 0, images: [] };
}

/** A job that is on its way to the service. */
export function submitting(localId: string, request: Pick<JobRequest, "n" | "width" | "height">): Developing {
  return { jobId: localId, status: "submitting", attempt: 0, images: frames(request) };
}

/** A job as one look at it tells: everything but previews, and without streams. */
export function developingOf(job: Job): Developing {
  const { status, progress, request } = job;
  const isKept = status === "succeeded" && !job.images_expired;
  const images = frames(request).map((frame) => {
    const finished = job.images.find(({ index }) => index === frame.index);
    const total = progress?.total ?? 0;
    if (finished !== undefined) {
      const { url, seed, width, height } = finished;
      return { ...frame, step: total, total, seed, width, height, ...(isKept && { url }) };
    }
    return progress === null ? frame : { ...frame, step: request.n === 1 ? progress.step : 0, total };
  });
  return {
    jobId: job.job_id,
    status,
    attempt: job.attempt,
    images,
    ...(status === "queued" && job.position !== null && { position: job.position }),
    ...(!TERMINAL_STATUSES.has(status) && job.eta_s !== null && { etaS: job.eta_s }),
    ...(job.error !== null && { error: job.error }),
    ...(job.timings !== null && { timings: job.timings }),
  };
}

/** `state` after a look at its job: nothing that only streams tell is lost. */
export function lookedAt(state: Developing, job: Job): Developing {
  if (isOver(state)) return state;
  const { restarted } = state;
  const seen = developingOf(job);
  const images = seen.images.map((image) => {
    const before = state.images[image.index];
    const preview = before?.preview;
    const step = before?.total === image.total ? Math.max(before.step, image.step) : image.step;
    return { ...image, step, ...(preview !== undefined && { preview }) };
  });
  return { ...seen, images, ...(restarted !== undefined && { restarted }) };
}

/** One empty frame for each image of a request. */
function frames({ n, width, height }: Pick<JobRequest, "n" | "width" | "height">): DevelopingImage[] {
  return Array.from({ length: n ?? 1 }, (_, index) => ({
    index,
    step: 0,
    total: 0,
    ...(typeof width === "number" && { width }),
    ...(typeof height === "number" && { height }),
  }));
}

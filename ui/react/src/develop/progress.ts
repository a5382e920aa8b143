/** How far a job is, as numbers and in words. Pure. */

import type { Connection } from "../jobs/job-store.js";
import type { Developing } from "./developing.js";

/** The share of all steps that is done, 0 to 1; `undefined` while the number of steps is not known. */
export function progressOf({ status, images }: Developing): number | undefined {
  if (status === "succeeded") return 1;
  const total = Math.max(0, ...images.map((image) => image.total)) * images.length;
  if (total === 0) return undefined;
  return images.reduce((done, { step }) => done + step, 0) / total;
}

/** What is going on, in a few words. */
export function inWords(developing: Developing, connection: Connection): string {
  const { status, position, restarted, error } = developing;
  if (connection === "reconnecting") return "The connection broke; trying again";
  switch (status) {
    case "submitting":
      return "Sending";
    case "queued":
      if (restarted !== undefined) return `Taken up again at step ${restarted.step}`;
      if (position === undefined) return "Waiting";
      return position === 0 ? "Next in line" : `Waiting behind ${position} ${position === 1 ? "other" : "others"}`;
    case "running":
      return "Developing";
    case "succeeded":
      return "Done";
    case "cancelled":
      return "Cancelled";
    case "expired":
      return "Expired before it began";
    case "failed":
      return error === undefined ? "Failed" : `Failed: ${error.message}`;
  }
}

/** Which step it is at: of all images together, as people count one; `undefined` while nothing is known. */
export function stepOf({ status, images }: Developing): { step: number; total: number } | undefined {
  const total = Math.max(0, ...images.map((image) => image.total));
  if (total === 0 || status !== "running") return undefined;
  const step = images.reduce((done, image) => done + image.step, 0) / images.length;
  return { step: Math.floor(step), total };
}

/**
 * What is worth saying aloud: it changes a few times in a job's life, and not with each step.
 */
export function announcement(developing: Developing): string {
  switch (developing.status) {
    case "submitting":
      return "";
    case "running":
      return (progressOf(developing) ?? 0) >= 0.5 ? "Half developed" : "Developing";
    case "queued":
      return developing.restarted === undefined ? "Waiting" : "Taken up again";
    case "succeeded":
    case "cancelled":
    case "expired":
    case "failed":
      return inWords(developing, "closed");
  }
}

/** A duration as one says it; an estimate is not told to the tenth. */
export function duration(seconds: number): string {
  if (seconds < 1) return "about a second";
  if (seconds < 90) return `about ${Math.round(seconds)} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}

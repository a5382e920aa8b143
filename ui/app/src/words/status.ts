/** A job's state in the page's words. Pure. */

import { type Developing, inWords, progressOf } from "@darkroom/react";

import { duration } from "./numbers.js";

/** How a job stands, as short as it can be said. */
export function statusOf(developing: Developing): string {
  const { status, timings } = developing;
  if (status === "running") return `${Math.round(100 * (progressOf(developing) ?? 0))} % developed`;
  if (status === "succeeded" && timings?.total !== undefined) return `Finished in ${duration(timings.total)}`;
  return inWords(developing, "open");
}

/** A model's state and load in the page's words. Pure. */

import type { Model } from "@darkroom/client";

import { duration } from "./numbers.js";

/** How a model stands, as short as it can be said. */
export function loadOf({ state, queued, running, backlog_s }: Model): string {
  if (state === "starting") return "Loading";
  if (state !== "ready") return "Unavailable";
  if (queued > 0) return `${queued} waiting, ${duration(backlog_s)} of work`;
  if (running > 0) return `${running} developing`;
  return "Ready";
}

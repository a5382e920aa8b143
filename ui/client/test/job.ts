/** A job's short life on the wire. */

import type { Darkroom, JobEvent, StreamOptions } from "../src/index.js";
import { frame } from "./scripted-server.js";

export const ACCEPTED = {
  job_id: "j1",
  status: "queued",
  sse_url: "http://elsewhere/v1/jobs/j1/stream",
  status_url: "http://elsewhere/v1/jobs/j1",
  cancel_url: "http://elsewhere/v1/jobs/j1/cancel",
};

export const EVENTS = [
  { event: "queued", position: 2, eta_s: 1.5 },
  { event: "started", attempt: 1 },
  { event: "progress", step: 1, total: 2 },
  { event: "restarted", attempt: 2, reason: "die Replik ging verloren ☂ 🌧", step: 1 },
  { event: "progress", step: 2, total: 2 },
  { event: "complete", image: "aGk=", images: [], timings: { total: 1 } },
] as const;

/** The frames of {@link EVENTS}, numbered from 1, and `[DONE]`. */
export const FRAMES = [...EVENTS.map((event, index) => frame(`1-${index + 1}`, event)), frame("1-7", "[DONE]")];

/** What a client should get of {@link FRAMES}. */
export const TOLD = EVENTS.map((event, index) => ({ ...event, id: `1-${index + 1}` }));

/** All events of a stream. */
export async function all(darkroom: Darkroom, options: StreamOptions = {}): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of darkroom.stream("j1", options)) events.push(event);
  return events;
}

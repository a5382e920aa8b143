/** What a job was asked for, as rows to read. Pure. */

import type { Job } from "@darkroom/client";

import { bytes, duration, moment } from "../words/numbers.js";

/** A name and what it was. */
export type Row = readonly [name: string, value: string];

/**
 * All of a job's parameters but its words, and how it went.
 *
 * @param at - the picture that is looked at: each has a seed of its own.
 */
export function rowsOf(job: Job, at: number): Row[] {
  const { request: asked, timings } = job;
  const image = job.images.find(({ index }) => index === at);
  const size = image ?? (asked.width !== undefined && asked.height !== undefined ? asked : undefined);
  const seed = image?.seed ?? (asked.seed === undefined ? undefined : asked.seed + at);
  const total =
    timings?.total ??
    (job.finished_at !== null && job.started_at !== null ? job.finished_at - job.started_at : undefined);
  const rows: [string, string | number | undefined][] = [
    ["Model", job.model ?? asked.model],
    ["Size", size && `${size.width} × ${size.height}`],
    ["Steps", asked.steps],
    ["Guidance", asked.guidance],
    ["Sampler", asked.sampler],
    ["Seed", seed],
    ["Strength", asked.image && asked.strength],
    [
      "Started from",
      asked.image &&
        `a picture, ${asked.image.width} × ${asked.image.height}${asked.mask === undefined ? "" : ", with a mask"}`,
    ],
    ["LoRAs", asked.loras?.map(({ name, scale }) => `${name} × ${scale ?? 1}`).join(", ")],
    ["File", image && `${image.format.toUpperCase()}, ${bytes(image.size)}`],
    ["Asked for", moment(job.created_at)],
    ["Took", job.status === "succeeded" && total !== undefined ? duration(total) : undefined],
  ];
  return rows.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, String(value)] as const]));
}

/** A job's parameters as a form's value: "use these settings again". Pure. */

import type { Job } from "@darkroom/client";

import type { GenerationSettings, SourcePicture } from "./settings.js";

/**
 * The settings that make the same pictures again: the seed is locked. Input pictures come along as URLs where the
 * service keeps them.
 */
export function fromJob(job: Job): GenerationSettings {
  const { request, inputs } = job;
  const image = source(inputs["image"]);
  const mask = source(inputs["mask"]);
  return {
    model: job.model ?? request.model ?? "",
    prompt: request.prompt ?? "",
    negative_prompt: request.negative_prompt ?? "",
    width: request.width ?? job.images[0]?.width ?? 512,
    height: request.height ?? job.images[0]?.height ?? 512,
    steps: request.steps ?? job.progress?.total ?? 20,
    guidance: request.guidance ?? 0,
    sampler: request.sampler ?? null,
    seed: request.seed ?? job.images[0]?.seed ?? null,
    seedLocked: true,
    n: request.n ?? 1,
    format: request.format ?? "png",
    quality: request.quality ?? 95,
    loras: (request.loras ?? []).map(({ name, scale }) => ({ name, scale: scale ?? 1 })),
    strength: request.strength ?? 0.75,
    ...(image !== undefined && { image }),
    ...(image !== undefined && mask !== undefined && { mask }),
  };
}

function source(url: string | undefined): SourcePicture | undefined {
  return url === undefined ? undefined : { url };
}

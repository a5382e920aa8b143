/** A model and jobs as the service tells them. */

import type { Job, JobEvent, JobEventData, Model } from "@darkroom/client";

/** A model that can do everything, with small bounds. */
export function aModel(change: Partial<Model["capabilities"]> = {}, id = "sd15"): Model {
  const capabilities: Model["capabilities"] = {
    txt2img: true,
    img2img: true,
    inpaint: true,
    lora: true,
    controlnet: false,
    supports_guidance: true,
    supports_negative_prompt: true,
    samplers: ["euler", "ddim", "lcm"],
    sampler_max_steps: { lcm: 50 },
    loras: ["ink", "oil"],
    controlnets: [],
    default_size: [512, 512],
    supported_sizes: [
      [512, 512],
      [768, 512],
      [512, 768],
    ],
    default_steps: 25,
    default_guidance: 7.5,
    default_strength: 0.75,
    default_inpaint_strength: 1,
    granularity: 8,
    min_side: 64,
    max_side: 1024,
    max_pixels: 768 * 768,
    max_steps: 100,
    max_guidance: 100,
    max_n: 10,
    max_prompt_chars: 10_000,
    max_loras: 8,
    max_lora_scale: 10,
    formats: ["png", "jpeg", "webp"],
    input_formats: ["image/png", "image/jpeg", "image/webp"],
    max_input_bytes: 20 * 2 ** 20,
    max_input_pixels: 32_000_000,
    vram_gb: {},
    ...change,
  };
  const standing = { state: "ready", replicas: 1, queued: 0, running: 0, backlog_s: 0, eta_s: 1.5 } as const;
  const named = { id, object: "model", created: 0, owned_by: "darkroom", aliases: [], weights: "demo" } as const;
  return { ...named, ...standing, aliases: [], capabilities };
}

/** A job that has succeeded, unless told otherwise. */
export function aJob(change: Partial<Job> = {}): Job {
  const jobId = change.job_id ?? "j1";
  const at = `http://elsewhere/v1/jobs/${jobId}`;
  return {
    job_id: jobId,
    status: "succeeded",
    operation: "image_generation",
    model: "sd15",
    position: null,
    eta_s: null,
    progress: { step: 25, total: 25 },
    attempt: 1,
    created_at: 1000,
    started_at: 1001,
    finished_at: 1002,
    images: [{ index: 0, url: `${at}/images/0`, seed: 7, format: "png", width: 512, height: 512, size: 9 }],
    images_expired: false,
    inputs: {},
    timings: { total: 1 },
    error: null,
    request: {
      model: "sd15",
      prompt: "a red circle",
      width: 512,
      height: 512,
      steps: 25,
      guidance: 7.5,
      seed: 7,
      n: 1,
      format: "png",
    },
    on_disconnect: "detach",
    priority: "normal",
    deadline_s: null,
    metadata: {},
    sse_url: `${at}/stream`,
    status_url: at,
    cancel_url: `${at}/cancel`,
    ...change,
  };
}

export const QUEUED: JobEventData = { event: "queued", position: 2, eta_s: 1.5 };
export const STARTED: JobEventData = { event: "started", attempt: 1 };
export const HALF: JobEventData = { event: "progress", step: 10, total: 20 };
export const PREVIEW: JobEventData = { event: "preview", step: 10, total: 20, format: "jpeg", image: "aGk=" };
export const IMAGE: JobEventData = { event: "image", seed: 7, format: "png", width: 512, height: 512 };
export const COMPLETE: JobEventData = {
  event: "complete",
  image: null,
  images: [{ url: "http://elsewhere/v1/jobs/j1/images/0", seed: 7, format: "png", width: 512, height: 512 }],
  timings: { total: 1 },
};
/** A job's short life. */
export const LIFE = [QUEUED, STARTED, HALF, PREVIEW, IMAGE, COMPLETE];

/** Events as a stream tells them, numbered from 1. */
export function told(...events: JobEventData[]): JobEvent[] {
  return events.map((event, at) => ({ ...event, id: `1-${at + 1}` }));
}

/** What the composing form holds, and how it becomes a request. Pure. */

import type { JobRequest, Model } from "@darkroom/client";

import { limitsOf } from "./limits.js";

/** A picture that goes along with a request: from the user's disk, or one that the service has. */
export type SourcePicture = Blob | { readonly url: string };

/** Encodings of finished images. */
export type ImageFormat = "png" | "jpeg" | "webp";

/** A LoRA by its name, and how strongly it acts. */
export interface LoraSetting {
  readonly name: string;
  readonly scale: number;
}

/**
 * The form's value. Everything is there, also what the chosen model has no use for: it comes back with a model that
 * has. Words are the API's.
 */
export interface GenerationSettings {
  readonly model: string;
  readonly prompt: string;
  readonly negative_prompt: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidance: number;
  /** `null`: the one that the weights ship. */
  readonly sampler: string | null;
  /** `null`: none was drawn yet. Only used while locked. */
  readonly seed: number | null;
  /** Locked, the same seed makes the same picture again; else the service draws a new one each time. */
  readonly seedLocked: boolean;
  readonly n: number;
  readonly format: ImageFormat;
  /** 1 to 100, of jpeg and webp. */
  readonly quality: number;
  readonly loras: readonly LoraSetting[];
  /** A picture to start from. */
  readonly image?: SourcePicture;
  /** With `image`: repaint where it is white. */
  readonly mask?: SourcePicture;
  /** With `image`: how much of it to repaint, above 0 up to 1. */
  readonly strength: number;
}

/** A request whose pictures may still have to be fetched from the service. */
export type Composed = Omit<JobRequest, "image" | "mask"> & { image?: SourcePicture; mask?: SourcePicture };

const DEFAULT_QUALITY = 95;

/** An empty form with the model's defaults. */
export function initialSettings(model: Model): GenerationSettings {
  const { defaults } = limitsOf(model);
  return {
    model: model.id,
    prompt: "",
    negative_prompt: "",
    ...defaults,
    sampler: null,
    seed: null,
    seedLocked: false,
    n: 1,
    format: "png",
    quality: DEFAULT_QUALITY,
    loras: [],
  };
}

/**
 * `settings` for another model: what stood at the old model's default, or is beyond the new one's bounds, takes the
 * new default. Words, pictures and the seed stay.
 *
 * @param from - the model that `settings` are of, if it is still served.
 */
export function withModel(settings: GenerationSettings, to: Model, from?: Model): GenerationSettings {
  const { defaults, ...limits } = limitsOf(to);
  const before = from === undefined ? undefined : limitsOf(from).defaults;
  const untouched = (name: keyof typeof defaults) => before === undefined || settings[name] === before[name];
  const sized = !(untouched("width") && untouched("height")) && limits.servesSize(settings);
  const { width, height } = sized ? settings : defaults;
  const { sampler } = settings;
  return {
    ...settings,
    model: to.id,
    width,
    height,
    steps: untouched("steps") || settings.steps > limits.maxSteps ? defaults.steps : settings.steps,
    guidance: untouched("guidance") || settings.guidance > limits.maxGuidance ? defaults.guidance : settings.guidance,
    strength: untouched("strength") ? defaults.strength : settings.strength,
    sampler: sampler !== null && limits.samplers.includes(sampler) ? sampler : null,
    n: Math.min(settings.n, limits.maxN),
    loras: settings.loras.filter(({ name }) => limits.loras.includes(name)),
  };
}

/**
 * `settings` with other pictures; a strength that stood at its default goes along, as a mask has another default.
 *
 * @param pictures - both as they shall be; without an image there is no mask.
 */
export function withPictures(
  settings: GenerationSettings,
  pictures: { image?: SourcePicture | undefined; mask?: SourcePicture | undefined },
  model: Model,
): GenerationSettings {
  const { image: _image, mask: oldMask, ...rest } = settings;
  const { defaults, inpaintStrength } = limitsOf(model);
  const usual = (mask: SourcePicture | undefined) => (mask === undefined ? defaults.strength : inpaintStrength);
  const { image } = pictures;
  const mask = image === undefined ? undefined : pictures.mask;
  return {
    ...rest,
    strength: settings.strength === usual(oldMask) ? usual(mask) : settings.strength,
    ...(image !== undefined && { image }),
    ...(mask !== undefined && { mask }),
  };
}

/**
 * The request for `settings`: only what the model can serve, and what the user can see.
 *
 * Pictures that the service has are still URLs in it; `useImageGeneration` and {@link fetchPictures} take such a
 * request.
 */
export function toRequest(settings: GenerationSettings, model: Model): Composed {
  const can = model.capabilities;
  const { image, mask, negative_prompt, loras, seed, sampler, format, quality } = settings;
  const withImage = image !== undefined && can.img2img;
  const withMask = withImage && mask !== undefined && can.inpaint;
  return {
    model: model.id,
    prompt: settings.prompt,
    width: settings.width,
    height: settings.height,
    steps: settings.steps,
    n: settings.n,
    format,
    ...(can.supports_negative_prompt && negative_prompt.trim() !== "" && { negative_prompt }),
    ...(can.supports_guidance && { guidance: settings.guidance }),
    ...(sampler !== null && can.samplers.includes(sampler) && { sampler }),
    ...(settings.seedLocked && seed !== null && { seed }),
    ...(format !== "png" && { quality }),
    ...(can.lora && loras.length > 0 && { loras: loras.map((lora) => ({ ...lora })) }),
    ...(withImage && { image, strength: settings.strength }),
    ...(withMask && { mask }),
  };
}

/** What is wrong with a form before the service has to say so. Pure. */

import { type DarkroomError, InvalidRequestError, type Model } from "@darkroom/client";

import { type Limits, limitsOf, MAX_SEED } from "./limits.js";
import type { GenerationSettings, SourcePicture } from "./settings.js";

/** The fields that something can be wrong with. */
export type SettingsField = Exclude<keyof GenerationSettings, "seedLocked">;

/** What is wrong, by field: a sentence for the user. Empty if nothing is. */
export type FieldErrors = Partial<Record<SettingsField, string>>;

/** All that `model` would refuse of `settings`. Of pictures, only what is known without decoding them. */
export function validate(settings: GenerationSettings, model: Model): FieldErrors {
  const can = model.capabilities;
  const limits = limitsOf(model);
  const { n, seed, sampler, format, quality, image, mask } = settings;
  const chars = `At most ${limits.maxPromptChars.toLocaleString("en")} characters.`;
  return known({
    prompt: unless(settings.prompt.trim() !== "", "Say what to paint.") ?? tooLong(settings.prompt, limits, chars),
    negative_prompt: can.supports_negative_prompt ? tooLong(settings.negative_prompt, limits, chars) : undefined,
    ...sizeErrors(settings, limits),
    steps: whole("steps", settings.steps, 1, limits.stepsOf(sampler)),
    guidance: can.supports_guidance ? within(settings.guidance, 0, limits.maxGuidance) : undefined,
    sampler: unless(
      sampler === null || limits.samplers.length === 0 || limits.samplers.includes(sampler),
      `One of ${limits.samplers.join(", ")}.`,
    ),
    seed: settings.seedLocked && seed !== null ? whole("a seed", seed, 0, MAX_SEED - n) : undefined,
    n: whole("images", n, 1, limits.maxN),
    format: unless(limits.formats.includes(format), `One of ${limits.formats.join(", ")}.`),
    quality: format === "png" ? undefined : whole("quality", quality, 1, 100),
    loras: can.lora ? lorasError(settings, limits) : undefined,
    image: image === undefined ? undefined : pictureError(image, can.img2img, limits),
    mask: mask === undefined || image === undefined ? undefined : pictureError(mask, can.inpaint, limits),
    strength: image === undefined ? undefined : strengthError(settings.strength),
  });
}

/** What the service's refusal says of the form: empty if it is about no field of it. */
export function fieldErrors(error: DarkroomError | undefined): FieldErrors {
  if (!(error instanceof InvalidRequestError) || error.field === undefined) return {};
  const name = error.field.split(".")[0] ?? "";
  return name in FIELDS ? { [name]: error.message } : {};
}

const FIELDS: Record<SettingsField, true> = {
  model: true,
  prompt: true,
  negative_prompt: true,
  width: true,
  height: true,
  steps: true,
  guidance: true,
  sampler: true,
  seed: true,
  n: true,
  format: true,
  quality: true,
  loras: true,
  image: true,
  mask: true,
  strength: true,
};

type Found = string | undefined;

function known(found: Partial<Record<SettingsField, Found>>): FieldErrors {
  return Object.fromEntries(Object.entries(found).filter(([, message]) => message !== undefined));
}

function unless(holds: boolean, message: string): Found {
  return holds ? undefined : message;
}

function within(value: number, least: number, most: number): Found {
  return unless(value >= least && value <= most, `Between ${least} and ${most}.`); // NaN is not
}

function whole(what: string, value: number, least: number, most: number): Found {
  return unless(
    Number.isInteger(value) && value >= least && value <= most,
    `A whole number for ${what}, ${least} to ${most}.`,
  );
}

function tooLong(text: string, { maxPromptChars }: Limits, message: string): Found {
  // the service counts code points
  return unless(text.length <= maxPromptChars || Array.from(text).length <= maxPromptChars, message);
}

function sizeErrors({ width, height }: GenerationSettings, limits: Limits): { width: Found; height: Found } {
  const { granularity, minSide, maxSide, maxPixels } = limits;
  const side = (pixels: number) =>
    unless(
      pixels >= minSide && pixels <= maxSide && pixels % granularity === 0,
      `A multiple of ${granularity}, ${minSide} to ${maxSide}.`,
    );
  const [wide, high] = [side(width), side(height)];
  const large = unless(width * height <= maxPixels, `Width × height is at most ${megapixels(maxPixels)}.`);
  return { width: wide ?? (high === undefined ? large : undefined), height: high };
}

function megapixels(pixels: number): string {
  return pixels < 100_000 ? `${pixels} pixels` : `${Math.round(pixels / 10_000) / 100} megapixels`;
}

function lorasError({ loras }: GenerationSettings, limits: Limits): Found {
  const { maxLoras, maxLoraScale } = limits;
  const unknown = loras.filter(({ name }) => !limits.loras.includes(name)).map(({ name }) => name);
  return (
    unless(loras.length <= maxLoras, `At most ${maxLoras}.`) ??
    unless(unknown.length === 0, `Not there: ${unknown.join(", ")}.`) ??
    unless(
      loras.every(({ scale }) => Math.abs(scale) <= maxLoraScale), // NaN is not
      `A scale is between −${maxLoraScale} and ${maxLoraScale}.`,
    )
  );
}

function pictureError(picture: SourcePicture, taken: boolean, limits: Limits): Found {
  if (!taken) return "This model can't do that; choose another one, or remove it.";
  if (!(picture instanceof Blob)) return undefined;
  return (
    unless(
      picture.type === "" || limits.inputFormats.includes(picture.type),
      `One of ${limits.inputFormats.map((type) => type.replace("image/", "")).join(", ")}.`,
    ) ?? unless(picture.size <= limits.maxInputBytes, `At most ${Math.floor(limits.maxInputBytes / 2 ** 20)} MiB.`)
  );
}

function strengthError(strength: number): Found {
  return unless(strength > 0 && strength <= 1, "Above 0, up to 1.");
}

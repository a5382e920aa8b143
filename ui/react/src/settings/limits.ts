/** What a model takes, from its capabilities. Pure. */

import type { Model } from "@darkroom/client";

import type { GenerationSettings } from "./settings.js";

/** The largest integer that JSON readers in every language keep exactly; seed + n stays below it. */
export const MAX_SEED = 2 ** 53 - 1;

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a model takes. Lengths are in pixels. */
export interface Limits {
  /** Both sides are multiples of it. */
  readonly granularity: number;
  readonly minSide: number;
  readonly maxSide: number;
  /** Width × height at most. */
  readonly maxPixels: number;
  readonly maxSteps: number;
  readonly maxGuidance: number;
  readonly maxN: number;
  readonly maxPromptChars: number;
  readonly maxLoras: number;
  /** From minus this to this. */
  readonly maxLoraScale: number;
  readonly samplers: readonly string[];
  readonly loras: readonly string[];
  readonly formats: readonly GenerationSettings["format"][];
  /** Media types of pictures that come with a request. */
  readonly inputFormats: readonly string[];
  readonly maxInputBytes: number;
  readonly maxInputPixels: number;
  /** What the model was trained for; any size within bounds is served. */
  readonly sizes: readonly Size[];
  readonly defaults: Size & Pick<GenerationSettings, "steps" | "guidance" | "strength">;
  /** The strength of a picture with a mask. */
  readonly inpaintStrength: number;
  /** How many steps that sampler takes at most. */
  stepsOf(sampler: string | null): number;
  /** Whether a size is within all bounds. */
  servesSize(size: Size): boolean;
}

/** The limits of `model`. */
export function limitsOf(model: Model): Limits {
  const can = model.capabilities;
  const { granularity, min_side: minSide, max_side: maxSide, max_pixels: maxPixels, max_steps: maxSteps } = can;
  const servesSide = (side: number) => side >= minSide && side <= maxSide && side % granularity === 0;
  return {
    granularity,
    minSide,
    maxSide,
    maxPixels,
    maxSteps,
    maxGuidance: can.max_guidance,
    maxN: can.max_n,
    maxPromptChars: can.max_prompt_chars,
    maxLoras: can.max_loras,
    maxLoraScale: can.max_lora_scale,
    samplers: can.samplers,
    loras: can.loras,
    formats: can.formats,
    inputFormats: can.input_formats,
    maxInputBytes: can.max_input_bytes,
    maxInputPixels: can.max_input_pixels,
    sizes: can.supported_sizes.map(sizeOf),
    defaults: {
      ...sizeOf(can.default_size),
      steps: can.default_steps,
      guidance: can.default_guidance,
      strength: can.default_strength ?? 0.75,
    },
    inpaintStrength: can.default_inpaint_strength ?? 1,
    stepsOf: (sampler) => (sampler === null ? maxSteps : (can.sampler_max_steps[sampler] ?? maxSteps)),
    servesSize: ({ width, height }) => servesSide(width) && servesSide(height) && width * height <= maxPixels,
  };
}

/**
 * The nearest size that is served: sides on the model's grid, shrunk alike where there are too many pixels.
 */
export function fittedSize(size: Size, limits: Limits): Size {
  const { granularity, minSide, maxSide, maxPixels } = limits;
  const shrink = Math.min(1, Math.sqrt(maxPixels / (size.width * size.height)));
  const round = shrink < 1 ? Math.floor : Math.round;
  const side = (pixels: number) => {
    const least = Math.ceil(minSide / granularity) * granularity;
    const most = Math.floor(maxSide / granularity) * granularity;
    return Math.min(most, Math.max(least, round((pixels * shrink) / granularity) * granularity));
  };
  let [width, height] = [side(size.width), side(size.height)];
  // rounding may have left a pixel too many
  while (width * height > maxPixels && Math.max(width, height) > minSide) {
    if (width >= height) width -= granularity;
    else height -= granularity;
  }
  return { width, height };
}

function sizeOf([width = 0, height = 0]: readonly number[]): Size {
  return { width, height };
}

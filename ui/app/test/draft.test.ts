import type { Model } from "@darkroom/client";
import { initialSettings } from "@darkroom/react";
import { describe, expect, it } from "vitest";

import { kept, restored } from "../src/develop/draft.js";

const model = (id: string, maxSteps = 100): Model =>
  ({
    id,
    aliases: [],
    capabilities: {
      img2img: true,
      inpaint: true,
      lora: false,
      supports_guidance: true,
      supports_negative_prompt: true,
      samplers: ["euler"],
      loras: [],
      default_size: [128, 128],
      supported_sizes: [[128, 128]],
      default_steps: 20,
      default_guidance: 3,
      granularity: 8,
      min_side: 64,
      max_side: 512,
      max_pixels: 512 * 512,
      max_steps: maxSteps,
      max_guidance: 100,
      max_n: 10,
      max_prompt_chars: 1000,
      max_loras: 8,
      max_lora_scale: 10,
      formats: ["png", "jpeg", "webp"],
      sampler_max_steps: {},
      default_strength: 0.75,
      default_inpaint_strength: 1,
    },
  }) as unknown as Model;

describe("a draft", () => {
  const one = model("one");
  const settings = { ...initialSettings(one), prompt: "a fox", steps: 7, sampler: "euler", seed: 4, seedLocked: true };

  it("is the same after a reload", () => {
    expect(restored(kept(settings), [model("other"), one])).toEqual(settings);
  });

  it("leaves its pictures behind", () => {
    const text = kept({ ...settings, image: { url: "/somewhere" } });
    expect(restored(text, [one])).toEqual(settings);
  });

  it("goes to the first model when its own is served no more, and into that one's bounds", () => {
    const next = restored(kept({ ...settings, steps: 90 }), [model("small", 50)]);
    expect(next).toMatchObject({ model: "small", prompt: "a fox", steps: 20 });
  });

  it.each([[null], [""], ["[1]"], ["{"], ["7"]])("is none in %j", (text) => {
    expect(restored(text, [one])).toBeUndefined();
  });

  it("of an older page keeps what still fits", () => {
    expect(restored('{"prompt":"a fox","steps":"many","loras":{}}', [one])).toEqual({
      ...initialSettings(one),
      prompt: "a fox",
    });
  });
});

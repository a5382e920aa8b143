import { InvalidRequestError } from "@darkroom/client";
import { describe, expect, test } from "vitest";

import {
  fieldErrors,
  fittedSize,
  fromJob,
  type GenerationSettings,
  initialSettings,
  limitsOf,
  toRequest,
  validate,
  withModel,
  withPictures,
} from "../src/index.js";
import { aJob, aModel } from "./samples.js";

const MODEL = aModel();
const PICTURE = new Blob(["hi"], { type: "image/png" });
const settings = (change: Partial<GenerationSettings> = {}): GenerationSettings => ({
  ...initialSettings(MODEL),
  prompt: "a red circle",
  ...change,
});

describe("toRequest", () => {
  test("sends what the user sees, and nothing that would be drawn or defaulted anyhow", () => {
    expect(toRequest(settings(), MODEL)).toEqual({
      model: "sd15",
      prompt: "a red circle",
      width: 512,
      height: 512,
      steps: 25,
      guidance: 7.5,
      n: 1,
      format: "png",
    });
  });

  test("sends a seed only while it is locked", () => {
    expect(toRequest(settings({ seed: 7, seedLocked: true }), MODEL)).toMatchObject({ seed: 7 });
    expect(toRequest(settings({ seed: 7 }), MODEL)).not.toHaveProperty("seed");
  });

  test("sends strength with a picture alone, and a mask with a picture alone", () => {
    expect(toRequest(settings({ image: PICTURE, strength: 0.4 }), MODEL)).toMatchObject({
      image: PICTURE,
      strength: 0.4,
    });
    expect(toRequest(settings({ mask: PICTURE }), MODEL)).not.toHaveProperty("mask");
  });

  test("sends quality for what has one", () => {
    expect(toRequest(settings({ format: "webp", quality: 80 }), MODEL)).toMatchObject({ quality: 80 });
    expect(toRequest(settings({ quality: 80 }), MODEL)).not.toHaveProperty("quality");
  });

  test("sends nothing that the model can't do", () => {
    const flux = aModel(
      { supports_negative_prompt: false, supports_guidance: false, samplers: [], lora: false, img2img: false },
      "flux",
    );
    const all = settings({ negative_prompt: "blur", sampler: "euler", loras: [{ name: "ink", scale: 1 }] });
    expect(Object.keys(toRequest({ ...all, image: PICTURE, mask: PICTURE }, flux))).toEqual([
      "model",
      "prompt",
      "width",
      "height",
      "steps",
      "n",
      "format",
    ]);
  });
});

describe("fromJob", () => {
  test("gives the settings whose request is the job's own", () => {
    const job = aJob();
    const { request } = job;
    const full = { ...request, negative_prompt: "blur", sampler: "ddim", loras: [{ name: "ink", scale: 0.5 }], n: 2 };
    expect(toRequest(fromJob({ ...job, request: full }), MODEL)).toEqual(full);
  });

  test("takes along pictures that the service has kept", () => {
    const inputs = { image: "/v1/jobs/j1/inputs/image", mask: "/v1/jobs/j1/inputs/mask" };
    expect(fromJob({ ...aJob(), ...{ inputs } })).toMatchObject({
      image: { url: "/v1/jobs/j1/inputs/image" },
      mask: { url: "/v1/jobs/j1/inputs/mask" },
    });
  });
});

describe("withModel", () => {
  const TURBO = aModel({ default_steps: 4, max_steps: 8, default_size: [256, 256], loras: ["oil"] }, "turbo");

  test("moves untouched settings to the new model's defaults", () => {
    expect(withModel(settings(), TURBO, MODEL)).toMatchObject({ model: "turbo", steps: 4, width: 256, height: 256 });
  });

  test("keeps what was chosen where the new model takes it", () => {
    const chosen = settings({ steps: 6, width: 768, height: 512, sampler: "ddim", seed: 7 });
    expect(withModel(chosen, TURBO, MODEL)).toMatchObject({ steps: 6, width: 768, sampler: "ddim", seed: 7 });
  });

  test("drops what the new model does not take", () => {
    const chosen = settings({ steps: 50, loras: [{ name: "ink", scale: 1 }], sampler: "heun" });
    expect(withModel(chosen, TURBO, MODEL)).toMatchObject({ steps: 4, loras: [], sampler: null });
  });
});

test("a mask has a default strength of its own, and a chosen one stays", () => {
  const masked = withPictures(
    withPictures(settings(), { image: PICTURE }, MODEL),
    { image: PICTURE, mask: PICTURE },
    MODEL,
  );
  expect(masked.strength).toBe(1);
  expect(withPictures(masked, { image: PICTURE }, MODEL)).toMatchObject({ strength: 0.75 });
  expect(withPictures({ ...masked, strength: 0.3 }, {}, MODEL).strength).toBe(0.3);
  expect(withPictures(masked, { mask: PICTURE }, MODEL)).not.toHaveProperty("mask");
});

describe("validate", () => {
  test("finds nothing wrong with a model's own defaults", () => {
    expect(validate(settings(), MODEL)).toEqual({});
  });

  test.each([
    ["prompt", { prompt: "  " }],
    ["width", { width: 513 }],
    ["height", { height: 32 }],
    ["width", { width: 1024, height: 768 }],
    ["steps", { steps: 0 }],
    ["steps", { steps: 101 }],
    ["steps", { steps: 51, sampler: "lcm" }],
    ["steps", { steps: NaN }],
    ["guidance", { guidance: 101 }],
    ["sampler", { sampler: "magic" }],
    ["seed", { seed: 2 ** 53, seedLocked: true }],
    ["n", { n: 11 }],
    ["quality", { format: "jpeg", quality: 0 }],
    ["loras", { loras: [{ name: "none", scale: 1 }] }],
    ["loras", { loras: [{ name: "ink", scale: 11 }] }],
    ["image", { image: new Blob(["hi"], { type: "application/pdf" }) }],
    ["strength", { image: PICTURE, strength: 0 }],
  ] as const)("%s: refuses %j", (field, change) => {
    expect(Object.keys(validate(settings(change), MODEL))).toEqual([field]);
  });

  test("looks at nothing that would not be sent", () => {
    const plain = aModel({ supports_guidance: false, supports_negative_prompt: false, lora: false });
    const odd = settings({ guidance: -1, negative_prompt: "x".repeat(20_000), loras: [{ name: "none", scale: 1 }] });
    expect(validate({ ...odd, quality: 0, seed: -1, strength: 0 }, plain)).toEqual({});
  });

  test("a picture is refused where the model can do nothing with it", () => {
    expect(validate(settings({ image: PICTURE }), aModel({ img2img: false }))).toHaveProperty("image");
    expect(validate(settings({ image: PICTURE, mask: PICTURE }), aModel({ inpaint: false }))).toHaveProperty("mask");
  });
});

test("a refusal of the service stands at its field", () => {
  const refusal = (field: string) => new InvalidRequestError("no", { code: "invalid_request", field });
  expect(fieldErrors(refusal("loras.0.name"))).toEqual({ loras: "no" });
  expect(fieldErrors(refusal("webhook"))).toEqual({});
  expect(fieldErrors(undefined)).toEqual({});
});

describe("fittedSize", () => {
  const limits = limitsOf(MODEL);

  test.each([
    [
      { width: 512, height: 512 },
      { width: 512, height: 512 },
    ],
    [
      { width: 515, height: 30 },
      { width: 512, height: 64 },
    ],
    [
      { width: 4000, height: 100 },
      { width: 1024, height: 104 },
    ],
  ])("%j becomes %j", (size, fitted) => {
    expect(fittedSize(size, limits)).toEqual(fitted);
  });

  test("whatever comes is served", () => {
    for (let width = 1; width < 5000; width += 97) {
      for (let height = 1; height < 5000; height += 131) {
        expect(limits.servesSize(fittedSize({ width, height }, limits))).toBe(true);
      }
    }
  });
});

import { describe, expect, test } from "vitest";

import { type Developing, develop, developingOf, isOver } from "../src/index.js";
import { lookedAt, submitting, unseen } from "../src/develop/developing.js";
import { aJob, COMPLETE, HALF, IMAGE, LIFE, PREVIEW, QUEUED, STARTED, told } from "./samples.js";

const after = (...events: Parameters<typeof told>): Developing => told(...events).reduce(develop, unseen("j1"));

describe("develop", () => {
  test("a queued job tells its position and when it will be there", () => {
    expect(after(QUEUED)).toMatchObject({ status: "queued", position: 2, etaS: 1.5 });
  });

  test("an unknown ETA is absent", () => {
    expect(after({ event: "queued", position: 0, eta_s: null })).not.toHaveProperty("etaS");
  });

  test("a job that starts waits no more", () => {
    const state = after(QUEUED, STARTED);
    expect(state).toMatchObject({ status: "running", attempt: 1 });
    expect(state).not.toHaveProperty("position");
    expect(state).not.toHaveProperty("etaS");
  });

  test("progress and previews are of their image, and images before it are empty frames", () => {
    const state = after(STARTED, { event: "progress", step: 3, total: 20, index: 1 });
    expect(state.images).toEqual([
      { index: 0, step: 0, total: 0 },
      { index: 1, step: 3, total: 20 },
    ]);
  });

  test("a preview is a data URL, and stays until the next one", () => {
    const state = after(STARTED, PREVIEW, { event: "progress", step: 11, total: 20 });
    expect(state.images).toEqual([{ index: 0, step: 11, total: 20, preview: "data:image/jpeg;base64,aGk=" }]);
  });

  test("a restart tells its reason and step, and keeps the pictures", () => {
    const state = after(STARTED, PREVIEW, { event: "restarted", attempt: 2, reason: "lost", step: 5 });
    expect(state).toMatchObject({ status: "queued", attempt: 2, restarted: { reason: "lost", step: 5 } });
    expect(state.images[0]?.preview).toBeDefined();
  });

  test("a finished image has all its steps and no address before its job has succeeded", () => {
    const [image] = after(STARTED, HALF, IMAGE).images;
    expect(image).toEqual({ index: 0, step: 20, total: 20, seed: 7, width: 512, height: 512 });
  });

  test("a completed job has addresses, timings and its last previews", () => {
    const state = after(...LIFE);
    expect(state).toMatchObject({ status: "succeeded", timings: { total: 1 } });
    expect(state.images[0]).toMatchObject({ step: 20, url: "http://elsewhere/v1/jobs/j1/images/0", seed: 7 });
    expect(state.images[0]?.preview).toBeDefined();
  });

  test("nothing changes after the end", () => {
    const ended = after(...LIFE);
    expect(told(QUEUED, HALF).reduce(develop, ended)).toBe(ended);
  });

  test("a job that is cancelled or fails says so", () => {
    expect(after(STARTED, { event: "cancelled" }).status).toBe("cancelled");
    const failed = after(STARTED, { event: "error", code: "out_of_memory", message: "too large" });
    expect(failed).toMatchObject({ status: "failed", error: { code: "out_of_memory", message: "too large" } });
  });

  test("a deadline expires what waits and fails what runs", () => {
    const late = { event: "error", code: "deadline_exceeded", message: "late" } as const;
    expect(after(QUEUED, late).status).toBe("expired");
    expect(after(QUEUED, STARTED, late).status).toBe("failed");
  });

  test("states are values: an event changes none of those before it", () => {
    const events = told(...LIFE);
    const states = events.reduce<Developing[]>(
      (all, event) => [...all, develop(all.at(-1) ?? unseen("j1"), event)],
      [],
    );
    const copies = structuredClone(states);
    events.reduce(develop, states[0] ?? unseen("j1"));
    expect(states).toEqual(copies);
  });
});

describe("a look at a job", () => {
  test("tells what its stream would have told, but previews", () => {
    const { images, ...streamed } = after(QUEUED, STARTED, { ...HALF, step: 25, total: 25 } as typeof HALF, COMPLETE);
    const looked = developingOf(aJob());
    expect(looked).toMatchObject(streamed);
    expect(looked.images).toEqual(images);
  });

  test("tells of no picture that is kept no more", () => {
    expect(developingOf(aJob({ images_expired: true })).images[0]).not.toHaveProperty("url");
  });

  test("tells frames of the size that was asked for", () => {
    const job = aJob({ status: "queued", images: [], progress: null, position: 3, eta_s: 2, timings: null });
    expect(developingOf({ ...job, request: { ...job.request, n: 2 } })).toMatchObject({
      position: 3,
      etaS: 2,
      images: [
        { index: 0, total: 0, width: 512 },
        { index: 1, total: 0, width: 512 },
      ],
    });
  });

  test("loses no preview, and brings nothing back to life", () => {
    const running = aJob({ status: "running", images: [], progress: { step: 8, total: 20 }, timings: null });
    expect(lookedAt(after(STARTED, PREVIEW), running).images[0]).toMatchObject({
      step: 10,
      total: 20,
      preview: /aGk=/,
    });
    const ended = after(...LIFE);
    expect(lookedAt(ended, running)).toBe(ended);
  });
});

test("only terminal states are the end", () => {
  expect(isOver(submitting("local:1", {}))).toBe(false);
  expect((["queued", "running"] as const).some((status) => isOver({ status }))).toBe(false);
  expect((["succeeded", "failed", "cancelled", "expired"] as const).every((status) => isOver({ status }))).toBe(true);
});

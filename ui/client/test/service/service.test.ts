/** The client against the real service, on demo weights. */

import { describe, expect, inject, test, vi } from "vitest";

import {
  ConflictError,
  Darkroom,
  InvalidRequestError,
  isTerminal,
  type JobEvent,
  JobNotFoundError,
  type JobRequest,
  UnauthorizedError,
} from "../../src/index.js";

const darkroom = new Darkroom({ baseUrl: inject("url") });
const REQUEST: JobRequest = { model: "sd15", prompt: "a red circle", steps: 4, seed: 7, preview_every: 1 };
/** Runs until it is cancelled: it is far from done when anybody gets to that. */
const LONG: JobRequest = { ...REQUEST, steps: 150, n: 10 };

async function all(stream: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

test("a job is submitted, followed to its end, looked at, and its image fetched", async () => {
  const { job_id: id, status } = await darkroom.submit(REQUEST);
  expect(status).toMatch(/queued|running/);
  const events = await all(darkroom.stream(id));
  const kinds = events.map(({ event }) => event);
  expect(kinds[0]).toBe("queued");
  expect(kinds.filter((kind) => kind === "progress")).toHaveLength(4);
  expect(kinds.slice(-2)).toEqual(["image", "complete"]);
  const preview = events.find((event) => event.event === "preview");
  expect(preview).toMatchObject({ format: "jpeg", total: 4 });

  const job = await darkroom.get(id);
  expect(job).toMatchObject({
    job_id: id,
    status: "succeeded",
    model: "sd15",
    request: { prompt: "a red circle", seed: 7 },
  });
  const image = await darkroom.image(id);
  expect(image.type).toBe("image/png");
  expect(image.size).toBe(job.images[0]?.size);
  const complete = events.at(-1);
  if (complete?.event !== "complete") throw new Error("it did not complete");
  expect(Buffer.from(await image.arrayBuffer()).toString("base64")).toBe(complete.image);
  expect((await fetch(darkroom.imageUrl(id))).status).toBe(200);
});

test("a stream that was left goes on after its last event, and there is nothing after the end", async () => {
  const { job_id: id } = await darkroom.submit({ ...REQUEST, steps: 40, preview_every: 0 });
  const controller = new AbortController();
  const seen: JobEvent[] = [];
  await expect(
    (async () => {
      for await (const event of darkroom.stream(id, { signal: controller.signal })) {
        seen.push(event);
        if (event.event === "progress" && event.step === 3) controller.abort();
      }
    })(),
  ).rejects.toMatchObject({ name: "AbortError" });
  expect(seen.some(isTerminal)).toBe(false);
  const lastEventId = seen.at(-1)?.id;
  const rest = await all(darkroom.stream(id, { lastEventId }));
  const steps = [...seen, ...rest].flatMap((event) => (event.event === "progress" ? [event.step] : []));
  expect(steps).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  expect(await all(darkroom.stream(id, { lastEventId: rest.at(-1)?.id }))).toEqual([]);
});

test("a generation is one call", async () => {
  const kinds: string[] = [];
  const job = await darkroom.generate({ ...REQUEST, n: 2 }, { onEvent: ({ event }) => kinds.push(event) });
  expect(job.images.map(({ seed }) => seed)).toEqual([7, 8]);
  expect(kinds.at(-1)).toBe("complete");
});

test("a picture that is sent along is worked on", async () => {
  const { job_id: source } = await darkroom.generate(REQUEST);
  const job = await darkroom.generate({ ...REQUEST, image: await darkroom.image(source), strength: 0.5 });
  expect(job).toMatchObject({ operation: "image_transform", request: { strength: 0.5, image: { width: 128 } } });
});

test("aborting a generation cancels its job", async () => {
  const controller = new AbortController();
  const metadata = { test: `aborting ${Math.random()}` };
  const onEvent = ({ event }: JobEvent) => {
    if (event === "progress") controller.abort();
  };
  const generation = darkroom.generate({ ...LONG, metadata }, { signal: controller.signal, onEvent });
  await expect(generation).rejects.toMatchObject({ name: "AbortError" });
  const { jobs } = await darkroom.list({ limit: 5 });
  expect(jobs.find((job) => job.metadata["test"] === metadata.test)?.status).toBe("cancelled");
});

test("a job that is cancelled ends its stream so", async () => {
  const { job_id: id } = await darkroom.submit(LONG);
  const kinds: string[] = [];
  for await (const { event } of darkroom.stream(id)) {
    kinds.push(event);
    if (event === "started") expect((await darkroom.cancel(id)).status).toBe("cancelled");
  }
  expect(kinds.at(-1)).toBe("cancelled");
});

test("jobs are listed over pages, and deleted", async () => {
  const ids = [];
  for (let i = 0; i < 3; i += 1) ids.push((await darkroom.generate({ ...REQUEST, steps: 1 })).job_id);
  const newest = [];
  for await (const job of darkroom.listAll({ status: "succeeded", model: "sd15", limit: 2 })) {
    newest.push(job.job_id);
    if (newest.length === 3) break;
  }
  expect(newest).toEqual(ids.reverse());
  const [id = ""] = ids;
  await darkroom.delete(id);
  await expect(darkroom.get(id)).rejects.toBeInstanceOf(JobNotFoundError);
  await expect(all(darkroom.stream(id))).rejects.toBeInstanceOf(JobNotFoundError);
});

describe("a submission", () => {
  test("that is repeated under its key is one job, and another one under it a conflict", async () => {
    const idempotencyKey = `key ${Math.random()}`;
    const first = await darkroom.submit(REQUEST, { idempotencyKey });
    const second = await darkroom.submit(REQUEST, { idempotencyKey });
    expect(second.job_id).toBe(first.job_id);
    const other = darkroom.submit({ ...REQUEST, seed: 8 }, { idempotencyKey });
    await expect(other).rejects.toBeInstanceOf(ConflictError);
  });

  test("with a value that is not allowed is refused by the field's name", async () => {
    const refused = await darkroom.submit({ ...REQUEST, steps: 0 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InvalidRequestError);
    expect(refused).toMatchObject({ code: "invalid_request", status: 422, field: "steps", value: "0" });
  });
});

test("the service tells its models, its workers and its health", async () => {
  const [model] = await darkroom.models();
  expect(model).toMatchObject({
    id: "sd15",
    state: "ready",
    capabilities: { default_size: [128, 128], txt2img: true },
  });
  expect(await darkroom.model("stable-diffusion-v1-5")).toMatchObject({ id: "sd15" });
  expect(await darkroom.workers()).toMatchObject([{ model: "sd15", state: "ready" }]);
  expect(await darkroom.health()).toMatchObject({ status: "ready", models: { sd15: { state: "ready" } } });
});

test("a key that is none is refused, and without one this machine is let in", async () => {
  await expect(darkroom.signIn("dk_no")).rejects.toBeInstanceOf(UnauthorizedError);
  expect(await darkroom.session()).toMatchObject({ client: "@127.0.0.1" });
  await darkroom.signOut();
});

test("the README's example runs", async () => {
  vi.stubEnv("DARKROOM_URL", darkroom.baseUrl);
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => lines.push(line));
  // @ts-expect-error -- made of README.md by vitest.service.config.ts
  await import("readme:client");
  expect(lines.at(0)).toMatch(/^\d+ of 20$/);
  expect(lines.at(-1)).toMatch(/^a picture of \d+ bytes, seed \d+$/);
});

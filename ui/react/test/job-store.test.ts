import { expect, vi } from "vitest";

import { JobStore, type JobStoreOptions, lookAgainMs } from "../src/jobs/job-store.js";
import { Places } from "../src/jobs/places.js";
import { HALF, LIFE, PREVIEW, QUEUED, STARTED } from "./samples.js";
import { type ScriptedService, test } from "./scripted-service.js";

const STREAM = "GET /v1/jobs/j1/stream";

function storeOf(service: ScriptedService, options: JobStoreOptions = {}) {
  const store = new JobStore(service.client(), { gatherMs: 1, lookEveryMs: 20, ...options });
  const status = (jobId = "j1") => store.read(jobId).developing.status;
  return { store, status };
}

test("followers of one job share one stream", async ({ service }) => {
  const job = service.add({ status: "queued" });
  const { store, status } = storeOf(service);
  const first: string[] = [];
  const second: string[] = [];
  store.follow("j1", { onEvent: ({ event }) => first.push(event) });
  store.follow("j1", { onEvent: ({ event }) => second.push(event) });
  job.tell(...LIFE);
  await vi.waitFor(() => expect(status()).toBe("succeeded"));
  expect(first).toEqual(LIFE.map(({ event }) => event));
  expect(second).toEqual(first);
  expect(service.count(STREAM)).toBe(1);
});

test("finished images are where the client reaches them", async ({ service }) => {
  service.add({ status: "queued" }).tell(...LIFE);
  const { store, status } = storeOf(service);
  store.follow("j1");
  await vi.waitFor(() => expect(status()).toBe("succeeded"));
  expect(store.read("j1").developing.images[0]?.url).toBe(`${service.url}/v1/jobs/j1/images/0`);
});

test("who leaves and comes back at once finds the stream open", async ({ service }) => {
  const job = service.add({ status: "queued" });
  const { store, status } = storeOf(service);
  store.follow("j1")();
  store.follow("j1");
  job.tell(STARTED);
  await vi.waitFor(() => expect(status()).toBe("running"));
  expect(service.count(STREAM)).toBe(1);
});

test("the last follower who goes closes the stream, and a later one goes on after the last event", async ({
  service,
}) => {
  const job = service.add({ status: "queued" });
  const { store, status } = storeOf(service);
  const leave = store.follow("j1");
  job.tell(QUEUED, STARTED);
  await vi.waitFor(() => expect(status()).toBe("running"));
  leave();
  await vi.waitFor(() => expect(job.streams.size).toBe(0));
  expect(store.read("j1").connection).toBe("idle");
  job.tell(HALF);
  const seen: string[] = [];
  store.follow("j1", { onEvent: ({ event }) => seen.push(event) });
  await vi.waitFor(() => expect(seen).toEqual(["progress"]));
});

test("listeners are told of what comes together once, and of an end at once", async ({ service }) => {
  const job = service.add({ status: "queued" });
  const { store, status } = storeOf(service, { gatherMs: 50 });
  const states: string[] = [];
  store.subscribe("j1", () => states.push(status()));
  store.follow("j1");
  await vi.waitFor(() => expect(store.read("j1").connection).toBe("open"));
  await vi.waitFor(() => expect(states).toHaveLength(1));
  job.tell(QUEUED, STARTED, HALF, PREVIEW);
  await vi.waitFor(() => expect(states).toHaveLength(2));
  expect(states.at(-1)).toBe("running");
});

test("jobs beyond the streams that may be open are looked at until there is a place", async ({ service }) => {
  const jobs = ["a", "b", "c"].map((job_id) => service.add({ job_id, status: "queued", images: [], timings: null }));
  const { store, status } = storeOf(service, { maxStreams: 1 });
  for (const { job } of jobs) store.follow(job.job_id);
  await vi.waitFor(() => expect(jobs[0]?.streams.size).toBe(1));
  const [first, second] = jobs;
  if (first === undefined || second === undefined) throw new Error("no jobs");
  second.job = { ...second.job, status: "succeeded" };
  await vi.waitFor(() => expect(status("b")).toBe("succeeded"));
  first.tell(...LIFE);
  await vi.waitFor(() => expect(jobs[2]?.streams.size).toBe(1));
  expect(status("a")).toBe("succeeded");
  expect(service.mostStreams).toBe(1);
});

test("the more jobs are looked at, the less often each is", () => {
  expect([1, 8, 9, 200].map((waiting) => lookAgainMs(waiting, 2000))).toEqual([2000, 2000, 4000, 50_000]);
});

test("a place that becomes free wakes who waits longest, and nobody else", async () => {
  const places = new Places(1);
  const free = await places.take();
  const woken: string[] = [];
  const { signal } = new AbortController();
  for (const name of ["first", "second"]) void places.changed(60_000, signal).then(() => woken.push(name));
  expect([await places.take(), places.waiting]).toEqual([undefined, 2]);
  free?.();
  await vi.waitFor(() => expect(woken).toEqual(["first"]));
  expect(places.waiting).toBe(1);
});

test("a job is followed on after the service was away, whether it was streamed or looked at", async ({ service }) => {
  const jobs = ["a", "b"].map((job_id) => service.add({ job_id, status: "queued", images: [], timings: null }));
  const { store, status } = storeOf(service, { maxStreams: 1 });
  for (const { job } of jobs) store.follow(job.job_id);
  await vi.waitFor(() => expect(jobs[0]?.streams.size).toBe(1));
  service.refusal = { status: 503, code: "model_unavailable" };
  await vi.waitFor(() => expect(store.read("b").connection).toBe("reconnecting"));
  expect(store.read("b").error).toBeUndefined();
  service.refusal = undefined;
  await vi.waitFor(() => expect(store.read("b").connection).toBe("connecting"));
  for (const job of jobs) job.tell(...LIFE);
  await vi.waitFor(() => expect([status("a"), status("b")]).toEqual(["succeeded", "succeeded"]));
});

test("an end is told once, however it was learned", async ({ service }) => {
  const ended: string[] = [];
  const job = service.add({ status: "queued" });
  const { store } = storeOf(service, { onEnded: (jobId) => ended.push(jobId) });
  store.follow("j1");
  job.tell(...LIFE);
  await vi.waitFor(() => expect(ended).toEqual(["j1"]));
  store.learn(job.job);
  expect(ended).toEqual(["j1"]);
});

test("a job that can't be followed has an error, and is followed again on demand", async ({ service }) => {
  const { store, status } = storeOf(service);
  const told: string[] = [];
  service.refusal = { status: 401, code: "unauthorized" };
  const failing = new JobStore(service.client(), { gatherMs: 1, onError: ({ code }) => told.push(code) });
  failing.follow("j1");
  await vi.waitFor(() => expect(failing.read("j1").error?.code).toBe("unauthorized"));
  expect(failing.read("j1").connection).toBe("closed");
  expect(told).toEqual(["unauthorized"]);
  expect(store.read("j1").error).toBeUndefined();
  service.refusal = undefined;
  service.add({ status: "queued" }).tell(...LIFE);
  failing.retryFailed();
  await vi.waitFor(() => expect(failing.read("j1").developing.status).toBe("succeeded"));
  expect(failing.read("j1").error).toBeUndefined();
  expect(status()).toBe("queued");
});

test("what nobody looks at is forgotten, the oldest first", ({ service }) => {
  const { store } = storeOf(service, { remembered: 2 });
  const known = store.read("a");
  store.subscribe("b", () => undefined);
  const watched = store.read("b");
  store.read("c");
  store.read("d");
  expect(store.read("b")).toBe(watched);
  expect(store.read("a")).not.toBe(known);
});

test("a follower's own error breaks no stream", async ({ service }) => {
  const job = service.add({ status: "queued" });
  const { store, status } = storeOf(service);
  const thrown: unknown[] = [];
  const report = (error: unknown) => thrown.push(error);
  process.once("uncaughtException", report);
  store.follow("j1", {
    onEvent: ({ event }) => {
      if (event === "started") throw new Error("mine");
    },
  });
  job.tell(...LIFE);
  await vi.waitFor(() => expect(status()).toBe("succeeded"));
  process.off("uncaughtException", report);
});

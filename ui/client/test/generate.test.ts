import { expect } from "vitest";

import { JobCancelledError, JobFailedError, NetworkError, OutOfMemoryError, QueueFullError } from "../src/index.js";
import { ACCEPTED, FRAMES, TOLD } from "./job.js";
import { dropped, json, latch, refused, streamed, test } from "./scripted-server.js";

const REQUEST = { prompt: "a red circle" };
const ACCEPT = json(202, ACCEPTED);
const CANCELLED = json(200, { job_id: "j1", status: "cancelled" });

test("a generation tells its events and returns its job", async ({ server }) => {
  server.script(ACCEPT, streamed(FRAMES), json(200, { job_id: "j1", status: "succeeded" }));
  const told: unknown[] = [];
  const job = await server.client().generate(REQUEST, { onEvent: (event) => told.push(event) });
  expect(job).toEqual({ job_id: "j1", status: "succeeded" });
  expect(told).toEqual(TOLD);
});

test.for(["failed", "expired"])(
  "a job that has %s is thrown, with its code and the error of that code",
  async (status, { server }) => {
    const error = { code: "out_of_memory", message: "the device has not enough memory" };
    server.script(ACCEPT, streamed(FRAMES), json(200, { job_id: "j1", status, error }));
    const failed = await server
      .client()
      .generate(REQUEST)
      .catch((reason: unknown) => reason);
    expect(failed).toBeInstanceOf(JobFailedError);
    expect(failed).toMatchObject({ ...error, jobId: "j1" });
    expect((failed as JobFailedError).cause).toBeInstanceOf(OutOfMemoryError);
  },
);

test("a job that somebody else cancelled is thrown so", async ({ server }) => {
  server.script(ACCEPT, streamed(FRAMES), CANCELLED);
  const failed = await server
    .client()
    .generate(REQUEST)
    .catch((reason: unknown) => reason);
  expect(failed).toBeInstanceOf(JobCancelledError);
  expect(failed).toMatchObject({ code: "cancelled", jobId: "j1" });
});

test("aborting cancels the job before the promise rejects", async ({ server }) => {
  const controller = new AbortController();
  const reason = new Error("not this one");
  server.script(ACCEPT, streamed(FRAMES.slice(0, 3), "stay"), CANCELLED);
  const onEvent = ({ event }: { event: string }) => {
    if (event === "progress") controller.abort(reason);
  };
  await expect(server.client().generate(REQUEST, { signal: controller.signal, onEvent })).rejects.toBe(reason);
  expect(server.asked.at(-1)).toMatchObject({ method: "POST", path: "/v1/jobs/j1/cancel" });
});

test("aborting while the submission is under way cancels what comes of it", async ({ server }) => {
  const controller = new AbortController();
  const submitted = latch();
  server.script((response, asked) => {
    submitted.open();
    controller.signal.addEventListener("abort", () => void ACCEPT(response, asked));
  }, CANCELLED);
  const generation = server.client().generate(REQUEST, { signal: controller.signal });
  await submitted.opened;
  controller.abort();
  await expect(generation).rejects.toMatchObject({ name: "AbortError" });
  expect(server.asked.map(({ path }) => path)).toEqual(["/v1/jobs", "/v1/jobs/j1/cancel"]);
});

test("aborted before it began, nothing is submitted", async ({ server }) => {
  await expect(server.client().generate(REQUEST, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: "AbortError",
  });
  expect(server.asked).toEqual([]);
});

test("aborting rejects also if the cancel fails", async ({ server }) => {
  const controller = new AbortController();
  server.script(ACCEPT, refused(404, { code: "job_not_found" }));
  const onConnection = () => {
    controller.abort();
  };
  const generation = server.client().generate(REQUEST, { signal: controller.signal, onConnection });
  await expect(generation).rejects.toMatchObject({ name: "AbortError" });
});

test("what a listener throws cancels the job and is thrown", async ({ server }) => {
  const mistake = new TypeError("undefined is not a picture");
  server.script(ACCEPT, streamed(FRAMES, "stay"), CANCELLED);
  const onEvent = () => {
    throw mistake;
  };
  await expect(server.client().generate(REQUEST, { onEvent })).rejects.toBe(mistake);
  expect(server.asked.at(-1)?.path).toBe("/v1/jobs/j1/cancel");
});

test("a job that is lost sight of is cancelled: nobody would get its images", async ({ server }) => {
  server.script(ACCEPT, dropped, CANCELLED);
  const darkroom = server.client({ retry: { patienceS: 0 } });
  await expect(darkroom.generate(REQUEST)).rejects.toBeInstanceOf(NetworkError);
  expect(server.asked.at(-1)?.path).toBe("/v1/jobs/j1/cancel");
});

test("a refused submission is thrown as it is", async ({ server }) => {
  server.script(refused(429, { code: "queue_full" }));
  await expect(server.client().generate(REQUEST)).rejects.toBeInstanceOf(QueueFullError);
});

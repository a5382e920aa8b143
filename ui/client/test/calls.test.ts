import { describe, expect, vi } from "vitest";

import {
  ConflictError,
  Darkroom,
  DarkroomError,
  ForbiddenError,
  GoneError,
  InternalError,
  InvalidRequestError,
  JobNotFoundError,
  ModelNotFoundError,
  NetworkError,
  QueueFullError,
  UnavailableError,
  UnexpectedAnswerError,
  UnsupportedByModelError,
} from "../src/index.js";
import { ACCEPTED } from "./job.js";
import { type Answer, dropped, empty, json, refused, silent, test } from "./scripted-server.js";

const REQUEST = { prompt: "a red circle", seed: 7 };

/** What `promise` throws. */
async function thrown(promise: Promise<unknown>): Promise<DarkroomError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DarkroomError);
  return error as DarkroomError;
}

describe("a submission", () => {
  test("sends the request under a key of its own, and answers what was accepted", async ({ server }) => {
    server.script(json(202, ACCEPTED), json(202, ACCEPTED));
    const darkroom = server.client({ apiKey: "dk_1" });
    expect(await darkroom.submit(REQUEST)).toEqual(ACCEPTED);
    await darkroom.submit(REQUEST);
    const [first, second] = server.asked;
    expect(first).toMatchObject({ method: "POST", path: "/v1/jobs", headers: { authorization: "Bearer dk_1" } });
    expect(JSON.parse(first?.body ?? "")).toEqual(REQUEST);
    expect(first?.headers["idempotency-key"]).toMatch(/^[0-9a-f]{32}$/);
    expect(second?.headers["idempotency-key"]).not.toBe(first?.headers["idempotency-key"]);
  });

  test.for([
    ["the connection breaks", dropped],
    ["the service is not ready", refused(503, { code: "model_unavailable" })],
    ["a worker of the server is lost", empty(500)],
    ["a proxy has no upstream", empty(502)],
    ["the server is there before the service", empty(404)],
  ] satisfies [string, Answer][])("is made again under the same key when %s", async ([, failure], { server }) => {
    server.script(failure, failure, json(202, ACCEPTED));
    await server.client().submit(REQUEST);
    expect(new Set(server.asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    expect(server.asked).toHaveLength(3);
  });

  test("is made under the caller's key where he has one", async ({ server }) => {
    server.script(json(202, ACCEPTED));
    await server.client().submit(REQUEST, { idempotencyKey: "mine" });
    expect(server.asked[0]?.headers["idempotency-key"]).toBe("mine");
  });

  test("gives up after so many attempts, or at once without any retries", async ({ server }) => {
    server.script(dropped, dropped, dropped);
    expect(await thrown(server.client({ retry: { attempts: 2 } }).submit(REQUEST))).toBeInstanceOf(NetworkError);
    expect(server.asked).toHaveLength(2);
    expect(await thrown(new Darkroom({ baseUrl: server.url, retry: false }).submit(REQUEST))).toBeInstanceOf(
      NetworkError,
    );
    expect(server.asked).toHaveLength(3);
  });

  test("does not wait for longer than its patience because the service asks so", async ({ server }) => {
    server.script(refused(503, { code: "model_unavailable" }, { "Retry-After": "3600" }));
    const error = await thrown(server.client().submit(REQUEST));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.retryAfterS).toBe(3600);
  });

  test("takes pictures as bytes, as files or as text", async ({ server }) => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
    const text = Buffer.from(bytes).toString("base64");
    server.script(json(202, ACCEPTED));
    await server.client().submit({
      ...REQUEST,
      image: bytes,
      mask: new Blob([bytes], { type: "image/png" }),
      control_image: "data:image/png;base64,aGk=",
    });
    expect(JSON.parse(server.asked[0]?.body ?? "")).toEqual({
      ...REQUEST,
      image: text,
      mask: text,
      control_image: "data:image/png;base64,aGk=",
    });
  });
});

describe("a refusal", () => {
  test("names the field, the value and what is allowed", async ({ server }) => {
    const told = {
      code: "invalid_request",
      message: "steps: got 0, allowed: 1",
      field: "steps",
      value: "0",
      allowed: "1",
    };
    server.script(refused(422, told));
    const error = await thrown(server.client().submit({ ...REQUEST, steps: 0 }));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error).toMatchObject({ ...told, status: 422, name: "InvalidRequestError", retryAfterS: undefined });
  });

  test.for([
    [409, "conflict", ConflictError],
    [403, "forbidden", ForbiddenError],
    [422, "unsupported_by_model", UnsupportedByModelError],
    [429, "queue_full", QueueFullError],
    [500, "internal", InternalError],
    [418, "of_a_newer_service", DarkroomError],
  ] as const)(
    "with %i %s is thrown as its own class, and not tried again",
    async ([status, code, kind], { server }) => {
      server.script(refused(status, { code }, { "Retry-After": "7" }));
      const error = await thrown(server.client().submit(REQUEST));
      expect(error.constructor).toBe(kind);
      expect(error).toMatchObject({ status, code, retryAfterS: 7 });
      expect(server.asked).toHaveLength(1);
    },
  );

  test("of a defect tells the id under which the log has it", async ({ server }) => {
    server.script(refused(500, { code: "internal", message: "its log has the details under 0123456789abcdef" }));
    expect(await thrown(server.client().get("j1"))).toMatchObject({ requestId: "0123456789abcdef" });
  });

  test("in OpenAI's shape names its parameter as the field", async ({ server }) => {
    server.script(refused(404, { code: "model_not_found", param: "model", type: "invalid_request_error" }));
    const error = await thrown(server.client().model("x"));
    expect(error).toBeInstanceOf(ModelNotFoundError);
    expect(error.field).toBe("model");
  });

  test("that is not Darkroom's is an unexpected answer, and so is a success that is no JSON", async ({ server }) => {
    server.script(json(403, { detail: "nginx" }), (response) => {
      response.writeHead(200, { "Content-Type": "text/html" }).end("<html>");
    });
    expect(await thrown(server.client().get("j1"))).toMatchObject({ code: "unexpected_answer", status: 403 });
    expect(await thrown(server.client().get("j1"))).toBeInstanceOf(UnexpectedAnswerError);
  });
});

describe("a call", () => {
  test("that is aborted throws the signal's reason", async ({ server }) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    server.script(() => {
      controller.abort(reason);
    });
    await expect(server.client().get("j1", { signal: controller.signal })).rejects.toBe(reason);
    await expect(server.client().get("j1", { signal: controller.signal })).rejects.toBe(reason);
    expect(server.asked).toHaveLength(1);
  });

  test("that gets no answer in time is made again", async ({ server }) => {
    server.script(silent, json(200, { job_id: "j1" }));
    expect(await server.client({ retry: { silenceS: 0.1 } }).get("j1")).toEqual({ job_id: "j1" });
  });

  test("can't carry a key that no header can hold", async ({ server }) => {
    expect(() => server.client({ apiKey: "dk_…" })).toThrow(TypeError);
    await expect(server.client().submit(REQUEST, { idempotencyKey: "…" })).rejects.toBeInstanceOf(TypeError);
    expect(server.asked).toHaveLength(0);
  });

  test("never names another route by a job's id", async ({ server }) => {
    for (const id of ["", "..", "a/b", "a?b", "%2e%2e"]) {
      expect(await thrown(server.client().get(id))).toBeInstanceOf(JobNotFoundError);
      expect(() => server.client().imageUrl(id)).toThrow(JobNotFoundError);
    }
    expect(server.asked).toHaveLength(0);
  });

  test("goes through the caller's own fetch", async ({ server }) => {
    const seen: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      seen.push((input as Request).url);
      return globalThis.fetch(input, init);
    };
    server.script(json(200, { job_id: "j1" }));
    await server.client({ fetch }).get("j1");
    expect(seen).toEqual([`${server.url}/v1/jobs/j1`]);
  });
});

describe("jobs", () => {
  test("are listed by what is asked for", async ({ server }) => {
    server.script(json(200, { jobs: [], next_cursor: null }), json(200, { jobs: [], next_cursor: null }));
    const page = await server.client().list({ status: "running", model: "sd15", limit: 3, cursor: undefined });
    expect(page).toEqual({ jobs: [], next_cursor: null });
    await server.client().list();
    expect(server.asked.map(({ path }) => path)).toEqual(["/v1/jobs?status=running&model=sd15&limit=3", "/v1/jobs"]);
  });

  test("are listed page by page, no further than they are asked for", async ({ server }) => {
    server.script(
      json(200, { jobs: [{ job_id: "c" }, { job_id: "b" }], next_cursor: "b" }),
      json(200, { jobs: [{ job_id: "a" }], next_cursor: null }),
    );
    const jobs = server.client().listAll({ limit: 2 });
    await jobs.next();
    await jobs.next();
    expect(server.asked).toHaveLength(1);
    const rest = [];
    for await (const job of jobs) rest.push(job.job_id);
    expect(rest).toEqual(["a"]);
    expect(server.asked[1]?.path).toBe("/v1/jobs?limit=2&cursor=b");
  });

  test("are cancelled and deleted", async ({ server }) => {
    server.script(json(200, { job_id: "j1", status: "cancelled" }), empty(204));
    expect(await server.client().cancel("j1")).toEqual({ job_id: "j1", status: "cancelled" });
    await server.client().delete("j1");
    expect(server.asked).toMatchObject([
      { method: "POST", path: "/v1/jobs/j1/cancel" },
      { method: "DELETE", path: "/v1/jobs/j1" },
    ]);
  });

  test("are deleted also if only the answer was lost, and not found if there was none", async ({ server }) => {
    const missing = refused(404, { code: "job_not_found" });
    server.script(dropped, missing, missing);
    await server.client().delete("j1");
    expect(await thrown(server.client().delete("j1"))).toBeInstanceOf(JobNotFoundError);
  });

  test("have images, as bytes with their type", async ({ server }) => {
    server.script(
      (response) => {
        response.writeHead(200, { "Content-Type": "image/png" }).end("png!");
      },
      refused(410, { code: "gone" }),
    );
    const image = await server.client().image("j1", 2);
    expect([image.type, await image.text()]).toEqual(["image/png", "png!"]);
    expect(server.asked[0]?.path).toBe("/v1/jobs/j1/images/2");
    expect(server.client().imageUrl("j1", 2)).toBe(`${server.url}/v1/jobs/j1/images/2`);
    expect(await thrown(server.client().image("j1"))).toBeInstanceOf(GoneError);
  });
});

describe("the service", () => {
  test("tells its models and workers", async ({ server }) => {
    server.script(
      json(200, { data: [{ id: "sd15" }] }),
      json(200, { data: [{ id: "r1" }] }),
      json(200, { bucket_s: 10, data: [] }),
      json(200, { id: "sd-turbo" }),
    );
    expect(await server.client().models()).toEqual([{ id: "sd15" }]);
    expect(await server.client().workers()).toEqual([{ id: "r1" }]);
    expect(await server.client().activity()).toEqual({ bucket_s: 10, data: [] });
    expect(await server.client().model("stabilityai/sd-turbo")).toEqual({ id: "sd-turbo" });
    expect(decodeURIComponent(server.asked[3]?.path ?? "")).toBe("/v1/models/stabilityai/sd-turbo");
  });

  test("tells how it is, ready or not", async ({ server }) => {
    const not = { status: "not_ready", models: { sd15: { state: "starting", replicas: 0 } } };
    server.script(json(200, { status: "ready", models: {} }), json(503, not), empty(503));
    expect(await server.client().health()).toEqual({ status: "ready", models: {} });
    expect(await server.client().health()).toEqual(not);
    expect(await thrown(server.client().health())).toBeInstanceOf(UnexpectedAnswerError);
    expect(server.asked).toHaveLength(3);
  });

  test("exchanges a key for a session, whatever key the client has", async ({ server }) => {
    const alice = { client: "alice", admin: false };
    server.script(json(200, alice), json(200, alice), empty(204));
    const darkroom = server.client({ apiKey: "dk_old" });
    expect(await darkroom.signIn("dk_new")).toEqual(alice);
    expect(await darkroom.session()).toEqual(alice);
    await darkroom.signOut();
    expect(server.asked).toMatchObject([
      { method: "POST", path: "/v1/session", body: '{"key":"dk_new"}' },
      { method: "GET", path: "/v1/session", headers: { authorization: "Bearer dk_old" } },
      { method: "DELETE", path: "/v1/session" },
    ]);
    expect(server.asked[0]?.headers.authorization).toBeUndefined();
  });
});

describe("the base URL", () => {
  test("may have a path, and slashes at its end", async ({ server }) => {
    server.script(json(200, { job_id: "j1" }));
    const darkroom = server.client({ baseUrl: `${server.url}/darkroom//` });
    expect(darkroom.baseUrl).toBe(`${server.url}/darkroom`);
    await darkroom.get("j1");
    expect(server.asked[0]?.path).toBe("/darkroom/v1/jobs/j1");
  });

  test("is the page's origin where there is a page, and may be relative to it", () => {
    vi.stubGlobal("location", { origin: "https://here", href: "https://here/studio/page?q" });
    try {
      expect(new Darkroom().imageUrl("j1")).toBe("https://here/v1/jobs/j1/images/0");
      expect(new Darkroom({ baseUrl: "." }).baseUrl).toBe("https://here/studio");
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test("is needed where there is no page", () => {
    expect(() => new Darkroom()).toThrow(TypeError);
  });
});

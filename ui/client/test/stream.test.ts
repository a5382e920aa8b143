import { once } from "node:events";

import { describe, expect } from "vitest";

import {
  type ConnectionState,
  InternalError,
  JobNotFoundError,
  NetworkError,
  TooManyStreamsError,
  UnauthorizedError,
  UnavailableError,
  UnexpectedAnswerError,
} from "../src/index.js";
import { all, FRAMES, TOLD } from "./job.js";
import { type Answer, dropped, empty, frame, json, latch, refused, silent, streamed, test } from "./scripted-server.js";

/** How the connection stood, one after the other. */
function watched() {
  const states: ConnectionState[] = [];
  const delays: number[] = [];
  const onConnection = (state: ConnectionState, { delayS }: { delayS?: number }) => {
    states.push(state);
    if (delayS !== undefined) delays.push(delayS);
  };
  return { states, delays, onConnection };
}

describe("a stream", () => {
  test("tells every event once and in order, with its id, and ends with its job", async ({ server }) => {
    server.script(streamed([FRAMES.join("")], "stay"));
    const { states, onConnection } = watched();
    expect(await all(server.client(), { onConnection })).toEqual(TOLD);
    expect(states).toEqual(["connecting", "open", "closed"]);
    expect(server.asked[0]?.path).toBe("/v1/jobs/j1/stream");
    expect(server.asked[0]?.headers).toMatchObject({ accept: "text/event-stream" });
    expect(server.asked[0]?.headers["last-event-id"]).toBeUndefined();
  });

  test.for([1, 2, 3, 7, 50])(
    "may be cut anywhere, also inside of characters: pieces of %i bytes",
    async (size, { server }) => {
      const bytes = new TextEncoder().encode(FRAMES.join(": ping\n\n"));
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      server.script(streamed(pieces));
      expect(await all(server.client())).toEqual(TOLD);
    },
  );

  test("that breaks inside of an event goes on after the last whole one", async ({ server }) => {
    const broken = FRAMES.slice(0, 2).join("") + (FRAMES[2] ?? "").slice(0, 20);
    server.script(streamed([broken], "drop"), streamed(FRAMES.slice(2)));
    const { states, onConnection } = watched();
    expect(await all(server.client(), { onConnection })).toEqual(TOLD);
    expect(server.asked[1]?.headers["last-event-id"]).toBe("1-2");
    expect(states).toEqual(["connecting", "open", "reconnecting", "open", "closed"]);
  });

  test("tells nothing twice, whatever the service repeats", async ({ server }) => {
    server.script(streamed(FRAMES.slice(0, 4), "end"), streamed(FRAMES));
    expect(await all(server.client())).toEqual(TOLD);
  });

  test("begins after the event that its caller has seen", async ({ server }) => {
    server.script(streamed(FRAMES.slice(4)));
    expect(await all(server.client(), { lastEventId: "1-4" })).toEqual(TOLD.slice(4));
    expect(server.asked[0]?.headers["last-event-id"]).toBe("1-4");
  });

  test("ends at once where nothing comes any more", async ({ server }) => {
    server.script(empty(204));
    expect(await all(server.client(), { lastEventId: "1-7" })).toEqual([]);
  });

  test("ends with [DONE], and leaves out kinds of events that this version does not know", async ({ server }) => {
    server.script(streamed([frame("1-1", { event: "moonrise" }), frame("1-2", "[DONE]")], "stay"));
    expect(await all(server.client())).toEqual([]);
  });

  test.for([
    ["a service that restarts", refused(503, { code: "model_unavailable" })],
    ["too many streams", refused(429, { code: "too_many_streams" })],
    ["a defect of the service", refused(500, { code: "internal" })],
    ["a proxy without upstream", empty(502)],
    ["a server that is there before the service", empty(404)],
    ["no connection", dropped],
  ] satisfies [string, Answer][])("outlasts %s", async ([, failure], { server }) => {
    server.script(failure, failure, streamed(FRAMES.slice(0, 3), "drop"), failure, streamed(FRAMES.slice(3)));
    expect(await all(server.client())).toEqual(TOLD);
    expect(server.isDone).toBe(true);
  });

  test("waits as long as Retry-After says", async ({ server }) => {
    server.script(refused(503, { code: "model_unavailable" }, { "Retry-After": "1" }), streamed(FRAMES));
    const { delays, onConnection } = watched();
    await all(server.client(), { onConnection });
    expect(delays).toHaveLength(1);
    expect(delays[0]).toBeGreaterThanOrEqual(1);
  });

  test("goes on for as long as the service says that it will serve again, and no longer than its patience else", async ({
    server,
  }) => {
    const later = refused(503, { code: "model_unavailable" });
    server.script(...Array.from({ length: 40 }, () => later), streamed(FRAMES));
    expect(await all(server.client({ retry: { patienceS: 0.05 } }))).toEqual(TOLD);

    server.script(...Array.from({ length: 1000 }, () => dropped));
    const { states, onConnection } = watched();
    const ended = all(server.client({ retry: { patienceS: 0.05 } }), { onConnection });
    await expect(ended).rejects.toBeInstanceOf(NetworkError);
    expect(states.at(-1)).toBe("closed");
    expect(server.isDone).toBe(false);
  });

  test.for([
    [404, "job_not_found", JobNotFoundError],
    [401, "unauthorized", UnauthorizedError],
  ] as const)("that is refused with %i %s is not tried again", async ([status, code, kind], { server }) => {
    server.script(refused(status, { code }));
    await expect(all(server.client())).rejects.toBeInstanceOf(kind);
    expect(server.asked).toHaveLength(1);
  });

  test("without retries throws what breaks it", async ({ server }) => {
    for (const [answer, kind] of [
      [refused(503, { code: "model_unavailable" }), UnavailableError],
      [refused(429, { code: "too_many_streams" }), TooManyStreamsError],
      [refused(500, { code: "internal" }), InternalError],
      [streamed(FRAMES.slice(0, 3)), NetworkError],
    ] as const) {
      server.script(answer);
      await expect(all(server.client({ retry: { patienceS: 0 } }))).rejects.toBeInstanceOf(kind);
    }
    expect(server.asked).toHaveLength(4);
  });

  test.for([
    ["another server's page", json(200, { hello: "world" })],
    ["an event that is no JSON", streamed(["data: {]\nid: 1-1\n\n"])],
    ["an event that is none of Darkroom's", streamed(["data: 7\nid: 1-1\n\n"])],
    ["an event without an id", streamed(['data: {"event":"cancelled"}\n\n'])],
  ] satisfies [string, Answer][])("refuses %s", async ([, answer], { server }) => {
    server.script(answer);
    await expect(all(server.client())).rejects.toBeInstanceOf(UnexpectedAnswerError);
    expect(server.asked).toHaveLength(1);
  });

  test("does not count the time that its consumer takes", async ({ server }) => {
    server.script(streamed(FRAMES.slice(0, 1), "drop"), dropped, streamed(FRAMES.slice(1)));
    const told: unknown[] = [];
    for await (const event of server.client({ retry: { patienceS: 0.1 } }).stream("j1")) {
      if (told.push(event) === 1) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(told).toEqual(TOLD);
  });

  test("that is silent for too long is opened again", async ({ server }) => {
    server.script(silent, streamed(FRAMES.slice(0, 2), "stay"), streamed(FRAMES.slice(2)));
    expect(await all(server.client({ retry: { silenceS: 0.1 } }))).toEqual(TOLD);
  });

  test("is open as long as there are pings", async ({ server }) => {
    let pings = 0;
    server.script((response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const pinging = setInterval(() => {
        pings += 1;
        response.write(pings < 20 ? ": ping\n\n" : FRAMES.join(""));
        if (pings === 20) clearInterval(pinging);
      }, 25);
    });
    expect(await all(server.client({ retry: { silenceS: 0.3 } }))).toEqual(TOLD);
    expect(server.asked).toHaveLength(1);
  });
});

describe("whoever stops listening", () => {
  test("by abort gets the reason at once, and the connection is closed", async ({ server }) => {
    const closed = latch();
    server.script(async (response, asked) => {
      await streamed(FRAMES.slice(0, 2), "stay")(response, asked);
      response.on("close", () => {
        closed.open();
      });
    });
    const controller = new AbortController();
    const reason = new Error("the page was left");
    const seen: string[] = [];
    const listening = (async () => {
      for await (const { event } of server.client().stream("j1", { signal: controller.signal })) {
        seen.push(event);
        if (event === "started")
          setTimeout(() => {
            controller.abort(reason);
          }, 5);
      }
    })();
    await expect(listening).rejects.toBe(reason);
    expect(seen).toEqual(["queued", "started"]);
    await closed.opened;
    expect(server.asked).toHaveLength(1);
  });

  test("by abort gets nothing more, also of what has come already", async ({ server }) => {
    server.script(streamed([FRAMES.join("")], "stay"));
    const controller = new AbortController();
    const seen: string[] = [];
    const listening = (async () => {
      for await (const { event } of server.client().stream("j1", { signal: controller.signal })) {
        seen.push(event);
        controller.abort();
      }
    })();
    await expect(listening).rejects.toMatchObject({ name: "AbortError" });
    expect(seen).toEqual(["queued"]);
  });

  test.for(["before the answer", "while waiting to try again", "before it began"] as const)(
    "by abort %s gets the reason",
    async (when, { server }) => {
      const controller = new AbortController();
      const reason = new Error("enough");
      if (when === "before it began") controller.abort(reason);
      server.script((response, asked) => {
        if (when === "before the answer") controller.abort(reason);
        else void dropped(response, asked);
      });
      const onConnection = (state: ConnectionState) => {
        if (state === "reconnecting") controller.abort(reason);
      };
      const darkroom = server.client({ retry: { firstDelayS: 60, maxDelayS: 60, patienceS: Infinity } });
      await expect(all(darkroom, { signal: controller.signal, onConnection })).rejects.toBe(reason);
    },
  );

  test("by leaving the loop closes the connection", async ({ server }) => {
    const closed = latch();
    server.script(async (response, asked) => {
      response.on("close", () => {
        closed.open();
      });
      await streamed(FRAMES.slice(0, 2), "stay")(response, asked);
    });
    const { states, onConnection } = watched();
    for await (const event of server.client().stream("j1", { onConnection })) {
      expect(event.event).toBe("queued");
      break;
    }
    await closed.opened;
    expect(states).toEqual(["connecting", "open", "closed"]);
  });
});

test("nothing is read ahead of the consumer", async ({ server }) => {
  const count = 400;
  const preview = { event: "preview", step: 1, total: 1, format: "jpeg", image: "A".repeat(128 * 1024) };
  let sent = 0;
  const stalled = latch();
  server.script(async (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (; sent < count; sent += 1) {
      if (response.write(frame(`1-${sent + 1}`, preview))) continue;
      const unsent = setTimeout(() => {
        stalled.open();
      }, 300);
      await once(response, "drain");
      clearTimeout(unsent);
    }
    response.end(frame(`1-${count + 1}`, { event: "cancelled" }));
    stalled.open();
  });
  const stream = server.client().stream("j1");
  await stream.next();
  await stalled.opened;
  expect(sent).toBeLessThan(count / 2); // the rest of these 50 MB waits in the server
  const rest: string[] = [];
  for await (const { event } of stream) rest.push(event);
  expect(rest).toHaveLength(count);
});

/** A real HTTP server on loopback that answers each request by the next line of its script. */

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

import { test as base } from "vitest";

import { Darkroom, type DarkroomOptions } from "../src/index.js";

export interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Answers one request; `response` is open until it ends or destroys it. */
export type Answer = (response: ServerResponse, asked: Asked) => void | Promise<void>;

export class ScriptedServer {
  /** What has been asked, in order. */
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #script: Answer[] = [];

  constructor() {
    this.#server = createServer((request, response) => {
      void buffer(request).then(async (body) => {
        const { method = "", url: path = "", headers } = request;
        const asked = { method, path, headers, body: body.toString() };
        this.asked.push(asked);
        const answer = this.#script.shift() ?? json(500, { unscripted: `${method} ${path}` });
        await answer(response, asked);
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What the next requests are answered, one each. */
  script(...answers: Answer[]): void {
    this.#script.push(...answers);
  }

  /** The script has been played to its end. */
  get isDone(): boolean {
    return this.#script.length === 0;
  }

  /** A client of this server, that does not wait long. */
  client(options: DarkroomOptions = {}): Darkroom {
    const retry = { firstDelayS: 0.001, maxDelayS: 0.01, patienceS: 5, silenceS: 5, ...options.retry };
    return new Darkroom({ baseUrl: this.url, ...options, retry });
  }
}

/** Something to wait for. */
export function latch(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A JSON body. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
  };
}

/** One of the service's refusals. */
export function refused(status: number, error: Record<string, string>, headers: Record<string, string> = {}): Answer {
  return json(status, { error: { message: "no", ...error } }, headers);
}

/** Nothing, with a status. */
export function empty(status: number): Answer {
  return (response) => {
    response.writeHead(status).end();
  };
}

/** The connection breaks before there is an answer. */
export const dropped: Answer = (response) => {
  response.destroy();
};

/** No answer, ever. */
export const silent: Answer = () => undefined;

/** An event stream of these pieces, each of which the client gets by itself. */
export function streamed(pieces: Iterable<string | Uint8Array>, end: "end" | "drop" | "stay" = "end"): Answer {
  return async (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    response.socket?.setNoDelay(true);
    for (const piece of pieces) {
      await new Promise((resolve) => response.write(piece, resolve));
      await new Promise(setImmediate);
    }
    if (end === "end") response.end();
    if (end === "drop") response.destroy();
  };
}

/** An event as it is on the wire. */
export function frame(id: string, event: Record<string, unknown> | "[DONE]"): string {
  return `data: ${event === "[DONE]" ? event : JSON.stringify(event)}\nid: ${id}\n\n`;
}

/** A test with a server of its own. */
export const test = base.extend<{ server: ScriptedServer }>({
  server: async ({}, use) => {
    const server = new ScriptedServer();
    await server.start();
    await use(server);
    await server.stop();
  },
});

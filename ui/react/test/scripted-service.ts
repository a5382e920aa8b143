/** A real HTTP server on loopback with a few routes of Darkroom's, whose jobs do what a test tells them. */

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json as bodyOf } from "node:stream/consumers";

import { Darkroom, type Job, type JobEventData } from "@darkroom/client";
import { test as base } from "vitest";

import { aJob, aModel } from "./samples.js";

/** What has been asked: `GET /v1/models`. */
export type Asked = string;

/** One job of the service: its events so far, and the streams that wait for more. */
class ScriptedJob {
  readonly events: JobEventData[] = [];
  readonly streams = new Set<ServerResponse>();
  job: Job;

  constructor(job: Job) {
    this.job = job;
  }

  tell(...events: JobEventData[]): void {
    for (const event of events) {
      this.events.push(event);
      for (const stream of this.streams) this.#write(stream, this.events.length);
    }
  }

  follow(response: ServerResponse, lastEventId: string | undefined): void {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.flushHeaders();
    const seen = Number(lastEventId?.split("-")[1] ?? 0);
    this.streams.add(response);
    response.on("close", () => this.streams.delete(response));
    for (let seq = seen + 1; seq <= this.events.length; seq += 1) this.#write(response, seq);
  }

  #write(stream: ServerResponse, seq: number): void {
    const event = this.events[seq - 1];
    stream.write(`data: ${JSON.stringify(event)}\nid: 1-${seq}\n\n`);
    if (event?.event === "complete" || event?.event === "cancelled" || event?.event === "error") {
      stream.end(`data: [DONE]\nid: 1-${seq + 1}\n\n`);
    }
  }
}

export class ScriptedService {
  /** What has been asked, in order. */
  readonly asked: Asked[] = [];
  /** The bodies of submissions. */
  readonly submitted: Record<string, unknown>[] = [];
  /** By their ids; submissions make `j1`, `j2`, … */
  readonly jobs = new Map<string, ScriptedJob>();
  models = [aModel()];
  /** Answered to everything but signing in, if set. */
  refusal: { status: number; code: string; field?: string } | undefined;
  /** So many pages of jobs have none, and a next one, before one that has them all. */
  emptyPages = 0;
  /** Streams that were opened at once, at most. */
  mostStreams = 0;
  readonly #server = createServer((request, response) => {
    void (async () => {
      const { method = "", url = "" } = request;
      this.asked.push(`${method} ${url}`);
      const body = method === "POST" ? ((await bodyOf(request).catch(() => ({}))) as Record<string, unknown>) : {};
      const { "last-event-id": lastEventId } = request.headers;
      this.#answer(`${method} ${url}`, body, response, typeof lastEventId === "string" ? lastEventId : undefined);
    })();
  });

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

  client(): Darkroom {
    return new Darkroom({ baseUrl: this.url, retry: { firstDelayS: 0.01, maxDelayS: 0.02, attempts: 2 } });
  }

  /** A job that is there already. */
  add(job: Partial<Job> = {}): ScriptedJob {
    const scripted = new ScriptedJob(aJob(job));
    this.jobs.set(scripted.job.job_id, scripted);
    return scripted;
  }

  /** The job of this id; a test that names another one has a mistake. */
  job(jobId: string): ScriptedJob {
    const job = this.jobs.get(jobId);
    if (job === undefined) throw new Error(`no job ${jobId}`);
    return job;
  }

  /** How often something was asked. */
  count(asked: Asked): number {
    return this.asked.filter((one) => one === asked).length;
  }

  #answer(asked: Asked, body: Record<string, unknown>, response: ServerResponse, lastEventId?: string): void {
    const answer = (status: number, told?: unknown) => {
      response.writeHead(status, { "Content-Type": "application/json" }).end(told && JSON.stringify(told));
    };
    if (asked === "POST /v1/session") {
      this.refusal = undefined;
      answer(200, { client: "me", admin: false });
      return;
    }
    if (this.refusal !== undefined) {
      const { status, code, field } = this.refusal;
      answer(status, { error: { code, message: `refused: ${code}`, ...(field && { field }) } });
      return;
    }
    if (asked === "GET /v1/models") {
      answer(200, { object: "list", data: this.models });
      return;
    }
    if (asked === "POST /v1/jobs") {
      this.submitted.push(body);
      const id = `j${this.submitted.length}`;
      this.add({ job_id: id, status: "queued", images: [], finished_at: null, timings: null });
      answer(202, { job_id: id, status: "queued" });
      return;
    }
    if (asked.startsWith("GET /v1/jobs?")) {
      const jobs = [...this.jobs.values()].map(({ job }) => job).sort((a, b) => b.created_at - a.created_at);
      const isEmpty = this.emptyPages > 0;
      this.emptyPages -= 1;
      answer(200, isEmpty ? { jobs: [], next_cursor: `before ${this.emptyPages}` } : { jobs, next_cursor: null });
      return;
    }
    const [, method, jobId = "", rest] = /^(\w+) \/v1\/jobs\/([^/]+)(?:\/(.+))?$/.exec(asked) ?? [];
    const job = this.jobs.get(jobId);
    if (job === undefined) answer(404, { error: { code: "job_not_found", message: "no such job" } });
    else if (rest === "stream") {
      job.follow(response, lastEventId);
      const open = [...this.jobs.values()].reduce((sum, { streams }) => sum + streams.size, 0);
      this.mostStreams = Math.max(this.mostStreams, open);
    } else if (rest === "cancel") {
      job.job = { ...job.job, status: "cancelled" };
      job.tell({ event: "cancelled" });
      answer(200, job.job);
    } else if (method === "DELETE") {
      this.jobs.delete(jobId);
      answer(204);
    } else answer(200, job.job);
  }
}

/** A test with a service of its own. */
export const test = base.extend<{ service: ScriptedService }>({
  service: async ({}, provide) => {
    const service = new ScriptedService();
    await service.start();
    await provide(service);
    await service.stop();
  },
});

/** The public face: one object for one service. */

import { bodyOf } from "./pictures.js";
import { JobNotFoundError } from "./errors.js";
import { generate, type GenerateOptions } from "./generate.js";
import { DEFAULT_RETRY, type RetryPolicy } from "./retry.js";
import { follow, type StreamOptions } from "./stream.js";
import { Transport } from "./transport.js";
import type {
  Activity,
  Health,
  Job,
  JobAccepted,
  JobEvent,
  JobPage,
  JobRequest,
  JobStatus,
  Model,
  Session,
  Worker,
} from "./types.js";

/** Where a service is and how to reach it. */
export interface DarkroomOptions {
  /** The service's base URL; in a browser, the page's own origin if absent. A relative one is resolved by the page. */
  baseUrl?: string | undefined;
  /** An API key, `dk_…`. Pages don't hold one: they {@link Darkroom.signIn}. */
  apiKey?: string | undefined;
  /** Used instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Changes of {@link DEFAULT_RETRY}; `false`: nothing is tried again, and a stream that breaks throws. */
  retry?: Partial<RetryPolicy> | false | undefined;
}

/** What ends a call early. */
export interface Abortable {
  /** Aborted, the call throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** How a job is submitted. */
export interface SubmitOptions extends Abortable {
  /** Your own name for this submission: a repeat answers the job that there is. Drawn if absent. */
  idempotencyKey?: string | undefined;
}

/** Which jobs to list. */
export interface ListOptions extends Abortable {
  /** Only jobs in this state. */
  status?: JobStatus | undefined;
  /** Only this model's jobs; id or alias. */
  model?: string | undefined;
  /** Only jobs whose prompt contains this, whatever the case; 1 to 200 characters. A page may then be short or empty
   * and still have a next one. */
  text?: string | undefined;
  /** Jobs on one page at most, 1 to 200; 50 if absent. */
  limit?: number | undefined;
  /** `next_cursor` of the page before. */
  cursor?: string | undefined;
}

/**
 * A Darkroom service, over its HTTP API.
 *
 * Every method throws {@link DarkroomError} (see `errors.ts` for the tree) or, when its `signal` is aborted, that
 * signal's reason; and nothing else on purpose. Calls that are safe to repeat are made again by the {@link RetryPolicy}
 * when the service can't be reached, answers 503, or a proxy in between fails. Nothing is kept between calls, so one
 * object serves any number of them at once.
 */
export class Darkroom {
  readonly #transport: Transport;

  constructor(options: DarkroomOptions = {}) {
    const { baseUrl, apiKey, retry, fetch = (request: Request) => globalThis.fetch(request) } = options;
    const policy = retry === false ? { ...DEFAULT_RETRY, attempts: 1, patienceS: 0 } : { ...DEFAULT_RETRY, ...retry };
    this.#transport = new Transport(resolved(baseUrl), policy, fetch, apiKey);
  }

  /** Where the service is: absolute, without a slash at its end. */
  get baseUrl(): string {
    return this.#transport.baseUrl;
  }

  /**
   * Submit a job. It runs whether or not anybody follows it, and however often the submission had to be made there is
   * one job.
   */
  async submit(request: JobRequest, { idempotencyKey, signal }: SubmitOptions = {}): Promise<JobAccepted> {
    const body = await bodyOf(request);
    const header = { "Idempotency-Key": idempotencyKey ?? drawn() };
    new Headers(header); // throws a TypeError for what no header can hold
    return this.#transport.call(
      (own) => this.#transport.api.POST("/v1/jobs", { body, params: { header }, signal: own }),
      { signal, timeoutS: Infinity }, // pictures take as long as the network takes; `fetch` itself has a bound
    );
  }

  /**
   * Follow a job: its events in the order of their ids, each exactly once, to the terminal one.
   *
   * A connection that breaks is taken up again after the last event, for as long as the job may be there. Who comes
   * late gets all transitions and progress, and each image's newest preview. Nothing is read ahead of the consumer.
   * Leaving the loop closes the connection and leaves the job alone; to stop while waiting, abort the signal.
   *
   * @throws JobNotFoundError if there is no such job; NetworkError if nothing has answered for `patienceS`.
   */
  stream(jobId: string, options: StreamOptions = {}): AsyncGenerator<JobEvent, void, void> {
    return follow(this.#transport, checked(jobId), options);
  }

  /**
   * Submit, follow, and return the job when it has succeeded. Nobody gets the images otherwise, so whatever else ends
   * it, an abort or a failure of the connection, cancels the job: the promise rejects once the service has been told,
   * or could not be for 5 s.
   *
   * @throws JobFailedError with the job's own `code`; JobCancelledError if somebody else cancelled it.
   */
  async generate(request: JobRequest, options: GenerateOptions = {}): Promise<Job> {
    return generate(this, request, options);
  }

  /** A job as it stands. */
  async get(jobId: string, { signal }: Abortable = {}): Promise<Job> {
    const params = { path: { job_id: checked(jobId) } };
    return this.#transport.call((own) => this.#transport.api.GET("/v1/jobs/{job_id}", { params, signal: own }), {
      signal,
    });
  }

  /** One page of jobs, newest first. */
  async list({ signal, ...wanted }: ListOptions = {}): Promise<JobPage> {
    const query = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    return this.#transport.call((own) => this.#transport.api.GET("/v1/jobs", { params: { query }, signal: own }), {
      signal,
    });
  }

  /** All jobs, newest first, page by page as they are asked for; `limit` is that of one page. */
  async *listAll(options: Omit<ListOptions, "cursor"> = {}): AsyncGenerator<Job, void, void> {
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page: JobPage = await this.list({ ...options, cursor });
      yield* page.jobs;
      cursor = page.next_cursor;
    }
  }

  /** Cancel a job. Returns it in the state that won: cancelled, or the end that it had reached before. */
  async cancel(jobId: string, { signal }: Abortable = {}): Promise<Job> {
    const params = { path: { job_id: checked(jobId) } };
    return this.#transport.call(
      (own) => this.#transport.api.POST("/v1/jobs/{job_id}/cancel", { params, signal: own }),
      {
        signal,
      },
    );
  }

  /** Cancel a job if it runs, then forget it and its images. */
  async delete(jobId: string, { signal }: Abortable = {}): Promise<void> {
    const params = { path: { job_id: checked(jobId) } };
    let tries = 0;
    try {
      await this.#transport.call(
        (own) => {
          tries += 1;
          return this.#transport.api.DELETE("/v1/jobs/{job_id}", { params, signal: own });
        },
        { signal },
      );
    } catch (error) {
      // it was the first try that deleted it, and only its answer that was lost
      if (!(error instanceof JobNotFoundError && tries > 1)) throw error;
    }
  }

  /** Where a finished image of a job is, for `<img>`: it loads with the session's cookie, or where no key is needed. */
  imageUrl(jobId: string, index = 0): string {
    return `${this.baseUrl}/v1/jobs/${encodeURIComponent(checked(jobId))}/images/${index}`;
  }

  /** A finished image's encoded bytes, with its type. */
  async image(jobId: string, index = 0, { signal }: Abortable = {}): Promise<Blob> {
    const params = { path: { job_id: checked(jobId), index } };
    const route = "/v1/jobs/{job_id}/images/{index}";
    return this.#transport.call((own) => this.#transport.api.GET(route, { params, parseAs: "blob", signal: own }), {
      signal,
    });
  }

  /** What each model has done in the last minutes. */
  async activity({ signal }: Abortable = {}): Promise<Activity> {
    return this.#transport.call((own) => this.#transport.api.GET("/v1/activity", { signal: own }), { signal });
  }

  /** Every model that is served, the default one first. */
  async models({ signal }: Abortable = {}): Promise<Model[]> {
    const list = await this.#transport.call((own) => this.#transport.api.GET("/v1/models", { signal: own }), {
      signal,
    });
    return list.data;
  }

  /** One model, by its id, an alias, or the repository of its weights. */
  async model(id: string, { signal }: Abortable = {}): Promise<Model> {
    const params = { path: { model: id } };
    return this.#transport.call((own) => this.#transport.api.GET("/v1/models/{model}", { params, signal: own }), {
      signal,
    });
  }

  /** Every known replica. */
  async workers({ signal }: Abortable = {}): Promise<Worker[]> {
    const list = await this.#transport.call((own) => this.#transport.api.GET("/v1/workers", { signal: own }), {
      signal,
    });
    return list.data;
  }

  /** Whether every model can serve, and how each one stands. Asked once: a service that is not ready is an answer. */
  async health({ signal }: Abortable = {}): Promise<Health> {
    const ask = async (own: AbortSignal) => {
      const answer = await this.#transport.api.GET("/health/ready", { signal: own });
      const told = answer.data ?? answer.error;
      return isHealth(told) ? { data: told, response: new Response() } : answer;
    };
    return this.#transport.call(ask, { signal, attempts: 1 });
  }

  /** Who this client is to the service, and whether it is an admin. */
  async session({ signal }: Abortable = {}): Promise<Session> {
    return this.#transport.call((own) => this.#transport.api.GET("/v1/session", { signal: own }), { signal });
  }

  /** For pages: exchange an API key for a cookie that scripts can't read, and that all later calls carry. */
  async signIn(key: string, { signal }: Abortable = {}): Promise<Session> {
    const headers = { Authorization: null }; // the key that this client was made with would win
    return this.#transport.call(
      (own) => this.#transport.api.POST("/v1/session", { body: { key }, headers, signal: own }),
      {
        signal,
      },
    );
  }

  /** Clear the cookie, whether or not it still counts. */
  async signOut({ signal }: Abortable = {}): Promise<void> {
    await this.#transport.call((own) => this.#transport.api.DELETE("/v1/session", { signal: own }), { signal });
  }
}

/** The base URL as an absolute one, without a slash at its end. */
function resolved(baseUrl: string | undefined): string {
  const { document, location } = globalThis as { document?: Document; location?: Location };
  const given = baseUrl ?? location?.origin;
  if (given === undefined) throw new TypeError("baseUrl: needed outside of a browser");
  return new URL(given, document?.baseURI ?? location?.href).href.replace(/[?#].*$/, "").replace(/\/+$/, "");
}

/** `jobId`, if a job can be called so: no other text may name another route. */
function checked(jobId: string): string {
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(jobId) && !/^\.+$/.test(jobId)) return jobId;
  throw new JobNotFoundError(`no job can be called ${JSON.stringify(jobId)}`, { code: "job_not_found" });
}

/** 128 random bits; `crypto.randomUUID` is there in secure contexts alone. */
function drawn(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isHealth(told: unknown): told is Health {
  return typeof told === "object" && told !== null && "status" in told && "models" in told;
}

/** What is known of each job, shared by all who look at it, with one stream for all who follow it. No React in here. */

import {
  type ConnectionState,
  type Darkroom,
  DarkroomError,
  isPassing,
  type Job,
  type JobEvent,
  JobNotFoundError,
} from "@darkroom/client";

import { develop } from "../develop/develop.js";
import { type Developing, isOver, lookedAt, unseen } from "../develop/developing.js";
import { locatedDeveloping } from "../located.js";
import { Places } from "./places.js";

/** How a job's stream stands; `idle` before anybody has followed it. */
export type Connection = "idle" | ConnectionState;

/** What is known of a job. Values never change. */
export interface JobState {
  readonly developing: Developing;
  readonly connection: Connection;
  /** Why the job can't be followed (not why it failed: that is in `developing`). */
  readonly error?: DarkroomError;
}

/** Who follows a job. */
export interface Follower {
  /** Is told each event that comes while following, once. */
  onEvent?: ((event: JobEvent) => void) | undefined;
}

/** How a {@link JobStore} behaves. Times are in milliseconds. */
export interface JobStoreOptions {
  /**
   * Streams that are open at once, in all pages of this origin together. Browsers keep six connections to a service
   * over HTTP/1.1, and pages whose streams hold them all could not even cancel. Jobs beyond are looked at every
   * `lookEveryMs` until a place is free, and less often if they are many.
   */
  maxStreams?: number;
  lookEveryMs?: number;
  /** What comes within this time is told in one piece. */
  gatherMs?: number;
  /** Jobs that are remembered though nobody looks at them any more. */
  remembered?: number;
  /** Is told of each job that is known to have ended, once; with the job if a look has told so, not its stream. */
  onEnded?: (jobId: string, job?: Job) => void;
  /** Is told why a job can't be followed. */
  onError?: (error: DarkroomError) => void;
}

interface Entry {
  state: JobState;
  readonly listeners: Set<() => void>;
  readonly followers: Set<Follower>;
  lastEventId: string | undefined;
  /** Of the stream that is open, or waits for its place. */
  stream: AbortController | undefined;
  telling: ReturnType<typeof setTimeout> | undefined;
}

/** So many jobs without a stream are looked at in `lookEveryMs`, however many there are. */
const LOOKS = 8;

const NOTHING: JobState = { developing: unseen(""), connection: "idle" };

/** See the module. */
export class JobStore {
  readonly #client: Darkroom;
  readonly #options: Required<JobStoreOptions>;
  readonly #places: Places;
  readonly #entries = new Map<string, Entry>();

  constructor(client: Darkroom, options: JobStoreOptions = {}) {
    this.#client = client;
    this.#options = {
      maxStreams: 3,
      lookEveryMs: 2000,
      gatherMs: 16,
      remembered: 100,
      onEnded: () => undefined,
      onError: () => undefined,
      ...options,
    };
    this.#places = new Places(
      this.#options.maxStreams,
      (globalThis.navigator as Partial<Navigator> | undefined)?.locks,
    );
  }

  /** What is known now: the same value until something changes. */
  read(jobId: string | undefined): JobState {
    return jobId === undefined ? NOTHING : this.#entry(jobId).state;
  }

  /** `listener` is called after changes of `read(jobId)`, until the returned function is. */
  subscribe(jobId: string, listener: () => void): () => void {
    const { listeners } = this.#entry(jobId);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /**
   * Follow a job until it ends, or the returned function is called. The stream of the last follower who goes is
   * closed, a moment later: who comes back at once (as React's StrictMode does) finds it open.
   */
  follow(jobId: string, follower: Follower = {}): () => void {
    const own = { ...follower };
    const entry = this.#entry(jobId);
    entry.followers.add(own);
    this.#open(jobId, entry);
    return () => {
      entry.followers.delete(own);
      setTimeout(() => {
        if (entry.followers.size === 0) this.#close(entry);
      }, 0);
    };
  }

  /** What somebody has learned of a job without its stream. */
  learn(known: Developing | Job): void {
    const jobId = "jobId" in known ? known.jobId : known.job_id;
    const entry = this.#entry(jobId);
    const { developing } = entry.state;
    if (isOver(developing)) return;
    const news = "jobId" in known ? known : lookedAt(developing, known);
    this.#set(entry, { developing: locatedDeveloping(news, this.#client) });
    if (isOver(news)) this.#ended(entry, "jobId" in known ? undefined : known);
  }

  /** Follow again what could not be followed, where somebody still wants to: say, after signing in. */
  retryFailed(): void {
    for (const [jobId, entry] of this.#entries) {
      if (entry.state.error !== undefined && entry.followers.size > 0) this.#open(jobId, entry);
    }
  }

  /** Forget a job that is deleted. */
  forget(jobId: string): void {
    const entry = this.#entries.get(jobId);
    if (entry === undefined) return;
    entry.stream?.abort();
    this.#entries.delete(jobId);
  }

  #entry(jobId: string): Entry {
    const known = this.#entries.get(jobId);
    if (known !== undefined) return known;
    const entry: Entry = {
      state: { developing: unseen(jobId), connection: "idle" },
      listeners: new Set(),
      followers: new Set(),
      lastEventId: undefined,
      stream: undefined,
      telling: undefined,
    };
    this.#trim();
    this.#entries.set(jobId, entry);
    return entry;
  }

  #open(jobId: string, entry: Entry): void {
    if (entry.stream !== undefined || isOver(entry.state.developing)) return;
    entry.stream = new AbortController();
    const { error: _error, ...rest } = entry.state;
    entry.state = rest;
    this.#set(entry, { connection: "connecting" });
    void this.#run(jobId, entry, entry.stream.signal);
  }

  #close(entry: Entry): void {
    if (entry.stream === undefined) return;
    entry.stream.abort();
    entry.stream = undefined;
    this.#set(entry, { connection: "idle" });
  }

  /**
   * Follows one job to its end, however long the service is away meanwhile. Whatever happens, it ends in a state that
   * the followers see.
   */
  async #run(jobId: string, entry: Entry, signal: AbortSignal): Promise<void> {
    try {
      while (!(await this.#followed(jobId, entry, signal))) {
        this.#set(entry, { connection: "reconnecting" });
        await this.#places.changed(this.#options.lookEveryMs, signal);
        signal.throwIfAborted();
      }
    } catch (error) {
      if (signal.aborted) return;
      const told = asDarkroomError(error);
      this.#set(entry, { error: told });
      this.#options.onError(told);
    } finally {
      if (entry.stream?.signal === signal) entry.stream = undefined;
      if (!signal.aborted) this.#set(entry, { connection: "closed" });
    }
  }

  /** Whether the job was followed as far as it goes; `false` if that broke off as what passes does. */
  async #followed(jobId: string, entry: Entry, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#placed(jobId, entry, signal);
      // the stream of a job that was looked at in the meantime to its end has nothing to tell
      if (!isOver(entry.state.developing)) this.learn(await this.#client.get(jobId, { signal }));
      return true;
    } catch (error) {
      if (error instanceof DarkroomError && isPassing(error)) return false;
      throw error;
    }
  }

  async #placed(jobId: string, entry: Entry, signal: AbortSignal): Promise<void> {
    let release = await this.#places.take();
    while (release === undefined) {
      this.learn(await this.#client.get(jobId, { signal }));
      if (isOver(entry.state.developing)) return;
      this.#set(entry, { connection: "connecting" });
      await this.#places.changed(lookAgainMs(this.#places.waiting + 1, this.#options.lookEveryMs), signal);
      signal.throwIfAborted();
      release = await this.#places.take();
    }
    try {
      signal.throwIfAborted();
      await this.#stream(jobId, entry, signal);
    } finally {
      release();
    }
  }

  async #stream(jobId: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const onConnection = (connection: Connection) => {
      if (!signal.aborted && connection !== "closed") this.#set(entry, { connection });
    };
    const { lastEventId } = entry;
    for await (const event of this.#client.stream(jobId, { lastEventId, signal, onConnection })) {
      if (signal.aborted) return;
      entry.lastEventId = event.id;
      const developing = locatedDeveloping(develop(entry.state.developing, event), this.#client);
      if (developing !== entry.state.developing) this.#set(entry, { developing });
      for (const { onEvent } of [...entry.followers]) guarded(onEvent, event);
      if (isOver(developing)) this.#ended(entry);
    }
  }

  #ended(entry: Entry, job?: Job): void {
    this.#tell(entry);
    this.#options.onEnded(entry.state.developing.jobId, job);
  }

  #set(entry: Entry, change: Partial<JobState>): void {
    entry.state = { ...entry.state, ...change };
    entry.telling ??= setTimeout(() => {
      this.#tell(entry);
    }, this.#options.gatherMs);
  }

  #tell(entry: Entry): void {
    clearTimeout(entry.telling);
    entry.telling = undefined;
    for (const listener of [...entry.listeners]) listener();
  }

  /** Forgets the oldest jobs that nobody looks at. */
  #trim(): void {
    let over = this.#entries.size - this.#options.remembered;
    for (const [jobId, { followers, listeners }] of this.#entries) {
      if (over <= 0) return;
      if (followers.size > 0 || listeners.size > 0) continue;
      this.#entries.delete(jobId);
      over -= 1;
    }
  }
}

/** When to look again at each of so many jobs: all looks together stay as many as a few jobs need. */
export function lookAgainMs(waiting: number, lookEveryMs: number): number {
  return Math.ceil(waiting / LOOKS) * lookEveryMs;
}

/** Whether the job is not there, or not any more. */
export function isMissing(error: DarkroomError | undefined): boolean {
  return error instanceof JobNotFoundError;
}

/** A follower's own error is reported as nobody's, and breaks no stream that others follow. */
function guarded(onEvent: Follower["onEvent"], event: JobEvent): void {
  try {
    onEvent?.(event);
  } catch (error) {
    setTimeout(() => {
      throw error;
    }, 0);
  }
}

function asDarkroomError(error: unknown): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DarkroomError(message, { code: "internal", cause: error });
}

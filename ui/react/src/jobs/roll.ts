/** The roll: the jobs that this page has submitted, newest first. No React in here. */

import type { Darkroom } from "@darkroom/client";

import { type Developing, isOver, submitting } from "../develop/developing.js";
import { fetchPictures } from "../settings/pictures.js";
import type { Composed } from "../settings/settings.js";
import { isMissing, type JobStore } from "./job-store.js";
import type { IdStorage } from "./unfinished.js";

const MAX_ENDED = 50;

interface Submission {
  readonly state: Developing;
  readonly abort: AbortController;
}

/**
 * Submits jobs, follows each of them to its end, and goes on after a reload with those that had not ended. A job that
 * the service does not know any more leaves the roll.
 */
export class Roll {
  readonly #client: Darkroom;
  readonly #store: JobStore;
  readonly #kept: IdStorage;
  readonly #listeners = new Set<() => void>();
  /** What is on its way to the service, by the id that was drawn here. */
  readonly #submissions = new Map<string, Submission>();
  /** Newest first. */
  #ids: string[] = [];
  readonly #leave = new Map<string, () => void>();
  #jobs: readonly Developing[] | undefined;
  #isOpen = false;
  #written = "";

  constructor(client: Darkroom, store: JobStore, kept: IdStorage) {
    this.#client = client;
    this.#store = store;
    this.#kept = kept;
  }

  /** All jobs of the roll, newest first: the same value until something changes. */
  read(): readonly Developing[] {
    this.#jobs ??= [
      ...[...this.#submissions.values()].map(({ state }) => state).reverse(),
      ...this.#ids.map((id) => this.#store.read(id).developing),
    ];
    return this.#jobs;
  }

  /** `listener` is called after changes of `read()`, until the returned function is. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Follow what has not ended, also what a page before this one left; until the returned function is called. */
  open(): () => void {
    this.#isOpen = true;
    const left = this.#kept.read().filter((id) => !this.#ids.includes(id));
    this.#ids.push(...left);
    for (const id of this.#ids) this.#follow(id);
    if (left.length > 0) this.#changed();
    return () => {
      this.#isOpen = false;
      for (const id of [...this.#leave.keys()]) this.#unfollow(id);
    };
  }

  /**
   * Submit, and follow.
   *
   * @returns the job's id, or `undefined` if it was cancelled before it had one.
   * @throws DarkroomError if it was refused; then it is not on the roll.
   */
  async submit(composed: Composed): Promise<string | undefined> {
    const localId = drawn();
    const abort = new AbortController();
    this.#submissions.set(localId, { state: submitting(localId, composed), abort });
    this.#changed();
    try {
      const request = await fetchPictures(composed, abort.signal);
      // without the signal: a submission that is given up half-way may have made a job, and only its answer tells which
      const { job_id: jobId } = await this.#client.submit(request);
      this.#store.learn({ ...submitting(jobId, request), status: "queued" });
      this.#ids = [jobId, ...this.#ids];
      if (abort.signal.aborted) this.#store.learn(await this.#client.cancel(jobId));
      return jobId;
    } catch (error) {
      if (abort.signal.aborted && error === abort.signal.reason) return undefined;
      throw error;
    } finally {
      this.#submissions.delete(localId);
      for (const id of this.#ids) this.#follow(id);
      this.#changed();
    }
  }

  /** Cancel a job of the roll, or any other one. Throws DarkroomError if that can't be. */
  async cancel(jobId: string): Promise<void> {
    const submission = this.#submissions.get(jobId);
    if (submission === undefined) this.#store.learn(await this.#client.cancel(jobId));
    else submission.abort.abort();
  }

  /** Take a job off the roll; it goes on. */
  dismiss(jobId: string): void {
    this.#unfollow(jobId);
    this.#ids = this.#ids.filter((id) => id !== jobId);
    this.#changed();
  }

  /** Take all jobs off the roll, and forget those that were kept for a reload. */
  clear(): void {
    for (const id of [...this.#leave.keys()]) this.#unfollow(id);
    this.#ids = [];
    this.#changed();
  }

  #follow(jobId: string): void {
    if (!this.#isOpen || this.#leave.has(jobId)) return;
    const look = this.#store.subscribe(jobId, () => {
      if (isMissing(this.#store.read(jobId).error)) this.dismiss(jobId);
      else this.#changed();
    });
    const leave = this.#store.follow(jobId);
    this.#leave.set(jobId, () => {
      leave();
      look();
    });
  }

  #unfollow(jobId: string): void {
    this.#leave.get(jobId)?.();
    this.#leave.delete(jobId);
  }

  #changed(): void {
    const running = this.#ids.filter((id) => !isOver(this.#store.read(id).developing));
    const forgotten = this.#ids.filter((id) => !running.includes(id)).slice(MAX_ENDED);
    for (const id of forgotten) this.#unfollow(id);
    this.#ids = this.#ids.filter((id) => !forgotten.includes(id));
    if (running.join() !== this.#written) this.#kept.write(running);
    this.#written = running.join();
    this.#jobs = undefined;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** An id that no job of the service has: it would refuse the colon. */
function drawn(): string {
  return `local:${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join("")}`;
}

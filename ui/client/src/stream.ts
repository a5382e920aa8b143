/** A job's events over as many connections as it takes. */

import { sleep, within } from "./abort.js";
import {
  BusyError,
  DarkroomError,
  InternalError,
  NetworkError,
  UnavailableError,
  UnexpectedAnswerError,
} from "./errors.js";
import { isAfter } from "./event-id.js";
import { messages } from "./messages.js";
import { delayS, isPassing } from "./retry.js";
import { attempt, type Transport } from "./transport.js";
import { isTerminal, type JobEvent, type JobEventKind } from "./types.js";

/** How a stream's connection stands: `closed` is told once, at its end, however it ends. */
export type ConnectionState = "connecting" | "open" | "reconnecting" | "closed";

/** Why a stream is reconnecting, and after how many seconds; both absent in other states. */
export interface ConnectionDetails {
  error?: DarkroomError;
  delayS?: number;
}

/** How a job is followed. */
export interface StreamOptions {
  /** The `id` of the last event that was seen: only later ones come. All if absent. */
  lastEventId?: string | undefined;
  /** Aborted, the stream ends at once by throwing the signal's reason. The job goes on. */
  signal?: AbortSignal | undefined;
  /** Is told each change of the connection. */
  onConnection?: ((state: ConnectionState, details: ConnectionDetails) => void) | undefined;
}

const DONE = "[DONE]";

const KINDS: Readonly<Record<JobEventKind, true>> = {
  queued: true,
  started: true,
  restarted: true,
  progress: true,
  preview: true,
  image: true,
  complete: true,
  cancelled: true,
  error: true,
};

/** {@link Darkroom.stream}. */
export async function* follow(
  transport: Transport,
  jobId: string,
  { lastEventId, signal, onConnection }: StreamOptions,
): AsyncGenerator<JobEvent, void, void> {
  const { retry } = transport;
  let last = lastEventId;
  let failures = 0;
  let failingSince: number | undefined; // milliseconds
  const onBytes = () => {
    failures = 0;
    failingSince = undefined;
  };
  try {
    onConnection?.("connecting", {});
    for (;;) {
      let failure: DarkroomError;
      try {
        const body = await open(transport, jobId, last, signal);
        if (body === undefined) return;
        onConnection?.("open", {});
        for await (const message of messages(body, { signal, silenceS: retry.silenceS, onBytes })) {
          if (message.data === DONE) return;
          const event = eventOf(message.id, message.data);
          if (event === undefined || !isAfter(event.id, last)) continue;
          last = event.id;
          yield event;
          if (isTerminal(event)) return;
          signal?.throwIfAborted(); // there may be more that has come already
        }
        failure = new NetworkError("the stream ended before its job");
      } catch (error) {
        if (!(error instanceof DarkroomError) || !mayGoOn(error)) throw error;
        failure = error;
      }
      failures += 1;
      const now = performance.now();
      const isAnswer = failure instanceof UnavailableError || failure instanceof BusyError;
      failingSince = isAnswer ? now : (failingSince ?? now);
      const pauseS = delayS(failures, retry, failure.retryAfterS);
      if ((now - failingSince) / 1000 + pauseS >= retry.patienceS) throw failure;
      onConnection?.("reconnecting", { error: failure, delayS: pauseS });
      await sleep(pauseS, signal);
    }
  } finally {
    onConnection?.("closed", {});
  }
}

/** Whether the job may still be there, and the stream go on, after this failure. */
function mayGoOn(error: DarkroomError): boolean {
  return isPassing(error) || error instanceof BusyError || error instanceof InternalError;
}

/** The body of one connection; `undefined` if nothing comes after `last`. */
async function open(
  transport: Transport,
  jobId: string,
  last: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const { response } = await within(transport.retry.silenceS, signal, (own) =>
    attempt(
      () =>
        transport.api.GET("/v1/jobs/{job_id}/stream", {
          params: { path: { job_id: jobId }, header: last === undefined ? {} : { "last-event-id": last } },
          headers: { Accept: "text/event-stream" },
          cache: "no-store",
          parseAs: "stream",
          signal: own,
        }),
      signal,
    ),
  );
  if (response.status === 204) return undefined;
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream") === true;
  if (isStream && response.body !== null) return response.body;
  response.body?.cancel().catch(() => undefined);
  throw new UnexpectedAnswerError("an answer that is no event stream", { status: response.status });
}

/** The event in one frame; `undefined` for a kind that this version does not know. */
function eventOf(id: string | undefined, data: string): JobEvent | undefined {
  let told: unknown;
  try {
    told = JSON.parse(data);
  } catch (cause) {
    throw new UnexpectedAnswerError("an event that is no JSON", { cause });
  }
  if (id === undefined || typeof told !== "object" || told === null || !("event" in told)) {
    throw new UnexpectedAnswerError("an event that is not Darkroom's");
  }
  return Object.hasOwn(KINDS, String(told.event)) ? ({ ...told, id } as JobEvent) : undefined;
}

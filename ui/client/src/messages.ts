/** The server-sent events of one connection. */

import { createParser, type EventSourceMessage } from "eventsource-parser";

import { reasonOf } from "./abort.js";
import { NetworkError } from "./errors.js";

const MAX_EVENT_CHARS = 256 * 2 ** 20; // `complete` carries a whole image in base64

/** How a connection is read. */
export interface ReadingOptions {
  signal?: AbortSignal | undefined;
  /** Seconds without a byte after which the connection counts as dead. */
  silenceS: number;
  /** Called for whatever comes, pings too. */
  onBytes?: () => void;
}

/**
 * The events in `body`, as they come; it is read no further than the consumer asks, and cancelled when he stops.
 *
 * @throws NetworkError when the connection breaks or is silent too long; the signal's reason when that is aborted.
 */
export async function* messages(
  body: ReadableStream<Uint8Array>,
  { signal, silenceS, onBytes }: ReadingOptions,
): AsyncGenerator<EventSourceMessage, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parsed: EventSourceMessage[] = [];
  let broken: Error | undefined;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: (message) => parsed.push(message),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") broken = error;
    },
  });
  try {
    for (;;) {
      const { done, value } = await read(reader, signal, silenceS);
      if (done) return;
      onBytes?.();
      parser.feed(decoder.decode(value, { stream: true }));
      yield* parsed.splice(0);
      if (broken !== undefined) throw new NetworkError("an event larger than any of Darkroom's", broken);
    }
  } finally {
    // not awaited: nobody needs to know when a connection that is given up is gone
    reader.cancel().catch(() => undefined);
  }
}

/** One read, that ends when the signal is aborted or it takes too long; then the reader is still reading. */
async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal | undefined,
  silenceS: number,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  signal?.throwIfAborted();
  let release = (): void => undefined;
  const ended = new Promise<never>((_, reject) => {
    const stop = () => {
      reject(reasonOf(signal));
    };
    const timer = setTimeout(
      () => {
        reject(new NetworkError(`the stream is silent for ${silenceS} s`));
      },
      Math.min(silenceS * 1000, 2 ** 31 - 1),
    );
    signal?.addEventListener("abort", stop, { once: true });
    release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
  });
  try {
    return await Promise.race([reader.read(), ended]);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof NetworkError) throw error;
    throw new NetworkError("the stream broke", error);
  } finally {
    release();
  }
}

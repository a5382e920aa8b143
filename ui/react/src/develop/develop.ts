/** How events change what is known of a job. Pure. */

import type { JobEvent } from "@darkroom/client";

import { type Developing, type DevelopingImage, isOver } from "./developing.js";

/** The code of a job whose own `deadline_s` has passed. */
const DEADLINE_EXCEEDED = "deadline_exceeded";

/**
 * The state after `event`. Events come in the order of their ids; what comes after the terminal one changes nothing.
 *
 * A job starts again (`restarted`) with the pictures that it had: the new attempt goes on to the same ones.
 */
export function develop(state: Developing, event: JobEvent): Developing {
  if (isOver(state)) return state;
  switch (event.event) {
    case "queued": {
      const { position, eta_s: etaS } = event;
      return { ...waiting(state), status: "queued", position, ...(etaS !== null && { etaS }) };
    }
    case "started":
      return { ...waiting(state), status: "running", attempt: event.attempt };
    case "restarted": {
      const { attempt, reason, step } = event;
      return { ...waiting(state), status: "queued", attempt, restarted: { reason, step } };
    }
    case "progress": {
      const { step, total } = event;
      return { ...running(state), images: changed(state.images, event.index, { step, total }) };
    }
    case "preview": {
      const { step, total, format, image } = event;
      const change = { step, total, preview: `data:image/${format};base64,${image}` };
      return { ...running(state), images: changed(state.images, event.index, change) };
    }
    case "image": {
      const { seed, width, height, index = 0 } = event;
      const total = state.images[index]?.total ?? 0;
      return { ...running(state), images: changed(state.images, index, { step: total, seed, width, height }) };
    }
    case "complete": {
      const images = event.images.map(({ url, seed, width, height }, index): DevelopingImage => {
        const before = state.images[index] ?? { index, step: 0, total: 0 };
        return { ...before, step: before.total, url, seed, width, height };
      });
      return { ...waiting(state), status: "succeeded", images, timings: event.timings };
    }
    case "cancelled":
      return { ...waiting(state), status: "cancelled" };
    case "error": {
      const { code, message } = event;
      // a deadline expires what waits and fails what runs; the event is the same
      const status = code === DEADLINE_EXCEEDED && state.status !== "running" ? "expired" : "failed";
      return { ...waiting(state), status, error: { code, message } };
    }
  }
}

/** `state` without what is true of waiting jobs alone. */
function waiting(state: Developing): Developing {
  const { position: _position, etaS: _etaS, ...rest } = state;
  return rest;
}

/** `state` as one that runs: who comes late may see a step before the start. */
function running(state: Developing): Developing {
  return state.status === "running" ? state : { ...waiting(state), status: "running" };
}

/** `images` with one of them changed; frames before it that nobody has told of are empty. */
function changed(
  images: readonly DevelopingImage[],
  index = 0,
  change: Partial<DevelopingImage>,
): readonly DevelopingImage[] {
  const length = Math.max(images.length, index + 1);
  return Array.from({ length }, (_, at) => {
    const image = images[at] ?? { index: at, step: 0, total: 0 };
    return at === index ? { ...image, ...change } : image;
  });
}

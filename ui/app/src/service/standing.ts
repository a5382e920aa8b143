/** How the service stands, as far as this page can see. Pure. */

import type { Health } from "@darkroom/client";

/** `starting`: it answers, and no model can serve yet. `partly`: some can. */
export type Standing = "unknown" | "ready" | "partly" | "starting" | "unreachable" | "offline";

/** What was seen. */
export interface Seen {
  health: Health | undefined;
  /** The last question was not answered. */
  failed: boolean;
  /** What the browser says of its network. */
  online: boolean;
}

export function standingOf({ health, failed, online }: Seen): Standing {
  if (failed) return online ? "unreachable" : "offline";
  if (health === undefined) return "unknown";
  const ready = Object.values(health.models).filter(({ state }) => state === "ready").length;
  if (health.status === "ready") return "ready";
  return ready > 0 ? "partly" : "starting";
}

/** Milliseconds until it is worth asking again. */
export function askAgainMs(standing: Standing): number {
  return standing === "ready" || standing === "partly" ? 10_000 : 2_000;
}

/** One or two words for the header. */
export const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  unknown: "Connecting",
  ready: "Connected",
  partly: "Connected",
  starting: "Starting",
  unreachable: "Reconnecting",
  offline: "Offline",
};

/** A sentence for the banner, where there is something to say. */
export const STANDING_SENTENCES: Readonly<Partial<Record<Standing, string>>> = {
  starting: "The models are being loaded. You can compose meanwhile.",
  unreachable:
    "Darkroom does not answer; it may be restarting. What you have sent goes on, and this page catches up by itself.",
  offline: "This device is offline. What you have sent goes on, and this page catches up by itself.",
};

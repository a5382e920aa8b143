import type { Health } from "@darkroom/client";
import { describe, expect, it } from "vitest";

import { askAgainMs, standingOf } from "../src/service/standing.js";

const health = (...states: ("ready" | "starting" | "unavailable")[]): Health =>
  ({
    status: states.every((state) => state === "ready") ? "ready" : "not_ready",
    models: Object.fromEntries(states.map((state, i) => [`model-${i}`, { state, replicas: 1 }])),
  }) as unknown as Health;

describe("the service's standing", () => {
  it.each([
    ["ready", { health: health("ready", "ready"), failed: false, online: true }],
    ["partly", { health: health("ready", "starting"), failed: false, online: true }],
    ["starting", { health: health("starting", "starting"), failed: false, online: true }],
    ["unreachable", { health: health("ready"), failed: true, online: true }],
    ["offline", { health: health("ready"), failed: true, online: false }],
    ["unknown", { health: undefined, failed: false, online: true }],
  ] as const)("is %s", (standing, seen) => {
    expect(standingOf(seen)).toBe(standing);
  });

  it("is what was last seen as long as it answers, whatever the browser thinks of its network", () => {
    expect(standingOf({ health: health("ready"), failed: false, online: false })).toBe("ready");
  });

  it("is asked for more often while something is wrong", () => {
    expect(askAgainMs("unreachable")).toBeLessThan(askAgainMs("ready"));
  });
});

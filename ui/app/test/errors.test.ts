import { DarkroomError, NetworkError, QueueFullError, UnauthorizedError, UnavailableError } from "@darkroom/client";
import { describe, expect, it } from "vitest";

import { sentenceOf, sentenceOfCode, waitOf } from "../src/words/errors.js";

describe("an error's sentence", () => {
  it.each([
    [new NetworkError("no answer"), /can’t be reached/],
    [new UnauthorizedError("no", { code: "unauthorized", status: 401 }), /key/],
    [new UnavailableError("sd15 has no replica", { code: "model_unavailable" }), /just now: sd15 has no replica\.$/],
    [new DarkroomError("all is odd", { code: "new_one" }), /^all is odd\.$/],
    [new TypeError("x is undefined"), /this page/],
  ])("%s is said so that a person can use it", (error, sentence) => {
    expect(sentenceOf(error)).toMatch(sentence);
  });

  it("of a failed job says what to do, where there is something", () => {
    expect(sentenceOfCode("out_of_memory", "no room")).toMatch(/smaller size/);
    expect(sentenceOfCode("brand_new", "no room")).toBe("no room.");
  });
});

describe("waiting", () => {
  it("helps against a full queue, for as long as the service says", () => {
    expect(waitOf(new QueueFullError("full", { code: "queue_full", retryAfterS: 17 }))).toBe(17);
    expect(waitOf(new QueueFullError("full", { code: "queue_full" }))).toBeGreaterThan(0);
  });

  it("is not imposed where it may not help", () => {
    expect(waitOf(new UnavailableError("no replica", { code: "model_unavailable", retryAfterS: 400 }))).toBe(0);
    expect(waitOf(undefined)).toBe(0);
  });
});

/** The small pure parts, and what must agree with the service's document. */

import { describe, expect, test } from "vitest";

import document from "../openapi.json" with { type: "json" };
import { ERROR_CLASSES, errorOf } from "../src/errors.js";
import { isAfter } from "../src/event-id.js";
import * as api from "../src/index.js";
import { retryAfter } from "../src/refusals.js";
import { delayS } from "../src/retry.js";

describe("errors", () => {
  test("have a class for every code of the service and for no other", () => {
    const codes = document.components.schemas.ErrorObject.properties.code.enum;
    expect(Object.keys(ERROR_CLASSES).sort()).toEqual([...codes].sort());
  });

  test.for(Object.entries(ERROR_CLASSES))("of code %s are what the package exports", ([code, kind]) => {
    const error = errorOf("no", { code });
    expect(error).toBeInstanceOf(kind);
    expect(error.name).toBe(kind.name);
    expect(Object.values(api)).toContain(kind);
  });

  test("of a code that is no code are plain", () => {
    for (const code of ["toString", "constructor", "moonrise"]) {
      expect(errorOf("no", { code }).constructor).toBe(api.DarkroomError);
    }
  });
});

test("ids ascend by epoch, then by number, however long they are", () => {
  const ascending = ["1-1", "1-2", "1-10", "2-1", "10-1", "10-900719925474099312", "10-900719925474099313"];
  for (const [index, id] of ascending.entries()) {
    expect(isAfter(id, undefined)).toBe(true);
    for (const [other, earlier] of ascending.entries()) expect(isAfter(id, earlier)).toBe(index > other);
  }
});

describe("pauses", () => {
  const policy = { ...api.DEFAULT_RETRY, firstDelayS: 0.5, maxDelayS: 15 };

  test("double up to the longest one, and chance takes up to half of each", () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => delayS(failures, policy, undefined, 1));
    expect(longest).toEqual([0.5, 1, 2, 4, 8, 15, 15, 15]);
    expect(delayS(3, policy, undefined, 0)).toBe(1);
  });

  test("are never shorter than the service asks for", () => {
    expect(delayS(1, policy, 60, 0)).toBe(60);
    expect(delayS(6, policy, 1, 1)).toBe(15);
  });
});

test("Retry-After is read as seconds or as a date", () => {
  expect(retryAfter("7")).toBe(7);
  expect(retryAfter("Wed, 21 Oct 2015 07:28:00 GMT", Date.parse("2015-10-21T07:27:30Z"))).toBe(30);
  expect(retryAfter("Wed, 21 Oct 2015 07:28:00 GMT")).toBe(0);
  expect(retryAfter("soon")).toBeUndefined();
  expect(retryAfter(null)).toBeUndefined();
});

import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { contrast, themesOf } from "./colours.js";

const { dark, light } = themesOf(readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8"));
const GROUNDS = ["--dr-bg", "--dr-surface", "--dr-surface-raised"] as const;
const TEXTS = ["--dr-text", "--dr-text-dim", "--dr-accent", "--dr-danger", "--dr-ok"] as const;

describe.each([
  ["dark", dark],
  ["light", light],
])("in the %s theme", (_, theme) => {
  it.each(TEXTS.flatMap((text) => GROUNDS.map((ground) => [text, ground] as const)))(
    "%s is readable on %s",
    (text, ground) => {
      expect(contrast(theme.get(text), theme.get(ground))).toBeGreaterThanOrEqual(4.5);
    },
  );

  it("the words on the Develop button are readable", () => {
    expect(contrast(theme.get("--dr-accent-text"), theme.get("--dr-accent"))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(GROUNDS)("the focus ring is seen on %s", (ground) => {
    expect(contrast(theme.get("--dr-focus"), theme.get(ground))).toBeGreaterThanOrEqual(3);
  });
});

it("the light theme of the system and the chosen one are the same", () => {
  const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
  const [, system = "", chosen = ""] =
    /not\(\[data-theme="dark"\]\) \{([^}]*)\}[^]*?data-theme="light"\] \{([^}]*)\}/.exec(css) ?? [];
  expect(system.replace(/\s+/g, " ")).toBe(chosen.replace(/\s+/g, " "));
  expect(system).not.toBe("");
});

import { readFileSync } from "node:fs";

import { defineConfig, type Plugin } from "vitest/config";

import { fromSource } from "./vite.source.js";

/** Makes the first `ts` block of a package's README importable, as `readme:PACKAGE`: an example that runs can't rot. */
const examples: Plugin = {
  name: "examples",
  resolveId: (id) => (id.startsWith("readme:") ? `\0${id}.ts` : undefined),
  load: (id) => {
    const name = /^\0readme:(\w+)\.ts$/.exec(id)?.[1];
    if (name === undefined) return undefined;
    const readme = readFileSync(`${import.meta.dirname}/${name}/README.md`, "utf-8");
    return /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "throw new Error('no example')";
  },
};

/** Tests against one running service, which all files share. */
export default defineConfig({
  plugins: [examples],
  ...fromSource,
  test: {
    include: ["*/test/service/**/*.test.ts"],
    globalSetup: "scripts/service.ts",
    testTimeout: 60_000,
    hookTimeout: 300_000,
    fileParallelism: false, // two cores develop pictures beside
  },
});

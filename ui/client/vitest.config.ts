import { defineConfig } from "vitest/config";

import { fromSource } from "../vite.source.js";

export default defineConfig({
  ...fromSource,
  test: { name: "client", environment: "node", include: ["test/**/*.test.ts"], exclude: ["test/service/**"] },
});

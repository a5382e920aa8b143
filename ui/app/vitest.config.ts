import { defineConfig } from "vitest/config";

import { fromSource } from "../vite.source.js";

export default defineConfig({
  ...fromSource,
  test: { name: "app", environment: "node", include: ["test/**/*.test.ts"] },
});

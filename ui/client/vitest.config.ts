import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["darkroom-source"] },
  test: { name: "client", environment: "node", include: ["test/**/*.test.ts"], exclude: ["test/service/**"] },
});

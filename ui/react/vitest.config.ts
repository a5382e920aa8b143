import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { fromSource } from "../vite.source.js";

export default defineConfig({
  ...fromSource,
  plugins: [react()],
  test: {
    name: "react",
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://localhost/" } },
    include: ["test/**/*.test.{ts,tsx}"],
    setupFiles: ["test/setup.ts"],
    css: { modules: { classNameStrategy: "non-scoped" } },
  },
});

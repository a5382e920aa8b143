import { fileURLToPath } from "node:url";

import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

import { fromSource } from "../vite.source.js";

const SERVICE = process.env.DARKROOM_URL ?? "http://127.0.0.1:8000";

/** The first thing painted is the page in the theme that was chosen: nothing is shown before the script has run. */
const paintOnce: Plugin = {
  name: "paint-once",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
};

export default defineConfig({
  ...fromSource,
  base: "/",
  plugins: [react(), paintOnce, { ...optimizeLocales.vite({ locales: ["en-US"] }), enforce: "pre" }],
  build: {
    outDir: fileURLToPath(new URL("../../serve_app/static", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the page's CSP lets nothing in that is not a file of its own
  },
  server: { proxy: { "/v1": SERVICE, "/health": SERVICE } },
});

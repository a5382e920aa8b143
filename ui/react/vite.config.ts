import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    emptyOutDir: false, // the declarations lie there
    lib: { entry: ["src/index.ts", "src/mask-canvas.ts"], formats: ["es"], cssFileName: "styles" },
    rolldownOptions: { external: (id) => !/^[./]|^\//.test(id) },
    minify: false,
    sourcemap: true,
  },
});

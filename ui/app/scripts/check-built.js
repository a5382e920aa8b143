// What is committed in serve_app/static must be what these sources build: nobody runs an older page than they read.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "vite";

const committed = fileURLToPath(new URL("../../../serve_app/static", import.meta.url));
const fresh = mkdtempSync(join(tmpdir(), "darkroom-page-"));

/** Every file below `folder` by its path, with its content. */
const read = (folder) =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length), readFileSync(path)]),
  );

try {
  await build({
    root: fileURLToPath(new URL("..", import.meta.url)),
    logLevel: "warn",
    build: { outDir: fresh, emptyOutDir: true },
  });
  const [before, now] = [read(committed), read(fresh)];
  const names = [...new Set([...before.keys(), ...now.keys()])].sort();
  const differing = names.filter((name) => !now.get(name)?.equals(before.get(name) ?? Buffer.of(0)));
  if (differing.length > 0) {
    console.error(
      "serve_app/static is not what ui/app builds: run `npm run build -w app` and commit it. It differs in",
    );
    for (const name of differing) console.error(`  ${name}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}

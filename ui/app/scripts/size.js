// The page's budget: all of its JavaScript and CSS, as a browser receives it.
import { readdirSync, readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const BUDGET_KB = 250;
const folder = new URL("../../../serve_app/static/assets/", import.meta.url);

const sizes = readdirSync(folder)
  .filter((name) => /\.(js|css)$/.test(name))
  .map((name) => ({ name, kb: brotliCompressSync(readFileSync(new URL(name, folder))).length / 1000 }))
  .sort((a, b) => b.kb - a.kb);
const total = sizes.reduce((sum, { kb }) => sum + kb, 0);

for (const { name, kb } of sizes) console.log(`${kb.toFixed(1).padStart(7)} KB  ${name}`);
console.log(`${total.toFixed(1).padStart(7)} KB  in all, of ${BUDGET_KB} KB (brotli)`);
process.exitCode = total > BUDGET_KB ? 1 : 0;

/** Writes the service's OpenAPI document to `client/openapi.json`. */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

import { PYTHON, ROOT } from "./python.js";

const printed = execFileSync(PYTHON, ["-m", "serve_app.api.document"], { cwd: ROOT, maxBuffer: 2 ** 26 });
writeFileSync(`${ROOT}ui/client/openapi.json`, printed);

/** The Python that runs the service: `DARKROOM_PYTHON`, else that of the repository's `.venv`. */

import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The interpreter to run, with `ROOT` as its working directory. */
export const PYTHON = process.env["DARKROOM_PYTHON"] ?? `${ROOT}.venv/bin/python`;

/** The service that `npm run test:service` tests: the one at `DARKROOM_URL`, or one of its own on demo weights. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

import type { TestProject } from "vitest/node";

import { PYTHON } from "./python.js";

const LAST_LINE_OF_START = "Ctrl-C stops it.";
const READY_WITHIN_MS = 240_000;

/** Vitest calls it before all tests, and what it returns after them. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const running = process.env["DARKROOM_URL"];
  if (running !== undefined) {
    project.provide("url", running);
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), "darkroom-ui-"));
  const port = await freePort();
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("DARKROOM_"));
  const service = spawn(
    join(dirname(PYTHON), "darkroom"),
    ["serve", "--demo", "--models", "sd15", "--port", String(port)],
    // a process group of its own, as in a terminal: Ctrl-C reaches all of it
    { cwd: folder, env: Object.fromEntries(environment), detached: true, stdio: ["ignore", "pipe", "pipe"] },
  );
  const stop = async () => {
    await interrupted(service);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await ready(service);
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide("url", `http://127.0.0.1:${port}`);
  return stop;
}

/** Resolves when `service` has said that it is ready; throws what it said if it ends before, or takes too long. */
async function ready(service: ChildProcess): Promise<void> {
  const said: string[] = [];
  const { stdout, stderr } = service;
  if (stdout === null || stderr === null) throw new Error("the service has no output");
  stderr.on("data", (text: Buffer) => said.push(text.toString()));
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => {
      reject(new Error(`the service ${why}:\n${said.join("\n")}`));
    };
    const timer = setTimeout(() => {
      fail("was not ready in time");
    }, READY_WITHIN_MS);
    service.on("error", (error) => {
      fail(`can't be started (${error.message}); run \`make setup\`, or set DARKROOM_PYTHON`);
    });
    service.on("exit", () => {
      fail("ended before it was ready");
    });
    createInterface(stdout).on("line", (line) => {
      said.push(line);
      if (!line.startsWith(LAST_LINE_OF_START)) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Ctrl-C for the process group of `service`, until it has ended. */
async function interrupted(service: ChildProcess): Promise<void> {
  if (service.pid === undefined || service.exitCode !== null || service.signalCode !== null) return;
  const ended = once(service, "exit");
  process.kill(-service.pid, "SIGINT");
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

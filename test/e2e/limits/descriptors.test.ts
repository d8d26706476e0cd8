/** The daemon runs out of file descriptors. */
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Status } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon, SUP } from "../../harness/daemon.ts";
import { processesOf } from "../../harness/processes.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

/** Starts the daemon with at most 200 descriptors. */
function limited(home: string): string {
  const path = join(home, "sup-limited");
  writeFileSync(path, `#!/bin/sh\nulimit -n 200\nexec '${SUP}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

const states = async (daemon: Daemon): Promise<Status["services"]> =>
  ((await (await daemon.api("/api/supervisor/status")).json()) as Status).services;

test("with too few descriptors starts are refused and the reason is shown; the API answers and SIGTERM stops all", async () => {
  const units = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`u${index}`, sleeper({ enabled: true })]));
  await using daemon = await startDaemon({ units, bin: limited });
  const refused = await until(async () => (await states(daemon)).find(({ state }) => state === "backoff"), { what: "a refused start" });
  expect(refused.reason).toBe("resources");
  const running = (await states(daemon)).filter(({ state }) => state === "running");
  expect(running.length).toBeGreaterThan(20);
  expect((await daemon.sup("why", refused.id)).stdout).toContain("of its 200 file descriptors left");
  expect((await daemon.sup("stop", ...running.slice(0, 20).map(({ id }) => id))).code).toBe(0);
  await daemon.reaches(refused.id, "running");
  process.kill(daemon.pid, "SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(processesOf(daemon.home)).toEqual([]);
});

test("connections that use up all descriptors are closed, the daemon listens again, and SIGTERM works", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) }, bin: limited });
  await daemon.reaches("web", "running");
  const flood = (): Socket[] => Array.from({ length: 300 }, () => connect(daemon.socket).on("error", () => {}));
  const first = flood();
  const closed = Promise.all(first.slice(0, 50).map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  await closed;
  for (const socket of first) socket.destroy();
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  const second = flood();
  process.kill(daemon.pid, "SIGTERM");
  expect(await daemon.exited).toBe(0);
  for (const socket of second) socket.destroy();
  expect(processesOf(daemon.home)).toEqual([]);
});

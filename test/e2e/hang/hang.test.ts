/** A service's user, or a file system that does not answer, holds up that service alone: never the daemon, never another service. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnServerOf } from "../../harness/confined.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { canHang, hangingMount } from "../../harness/hung-mount.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper } from "../../harness/services.ts";

const isRoot = process.getuid!() === 0;
/** A user of every Debian whose processes, if there are any, this test may stop. */
const USER = readFileSync("/etc/passwd", "utf8").includes("\ngames:") ? "games" : "nobody";

/** Milliseconds until the daemon answers a health request. */
async function answerMs(daemon: Daemon): Promise<number> {
  const began = performance.now();
  expect((await daemon.api("/healthz")).ok).toBe(true);
  return performance.now() - began;
}

/** Kills the service again and again; sup must bring it back each time while it answers requests. */
async function restarts(daemon: Daemon, id: string, times: number): Promise<void> {
  let { pid } = await daemon.reaches(id, "running");
  for (let i = 0; i < times; i++) {
    process.kill(pid!, "SIGKILL");
    const before = pid;
    ({ pid } = await daemon.reaches(id, (row) => row.state === "running" && row.pid !== null && row.pid !== before, 10_000));
    expect(await answerMs(daemon)).toBeLessThan(1000);
  }
}

const quick = sleeper({ enabled: true, restart_policy: { retry_delay: 0.01, backoff_multiplier: 1, max_retries: -1 } });

test.if(isRoot)("a user who stops all of his processes in a loop freezes neither root's daemon nor other services", async () => {
  await using daemon = await startDaemon({ units: { other: quick } });
  await daemon.reaches("other", "running");
  const script = "while :; do kill -STOP -1; done";
  daemon.writeUnit("attacker", { command: "/bin/bash", args: ["-c", script], user: USER });
  // Checks are processes of that user, so there is always one between setresuid and exec, or soon will be.
  // The long path makes exec slow.
  const check = { type: "exec", command: `/bin/${"./".repeat(2000)}true`, interval: 0.2, timeout: 0.1, failure_threshold: 100_000 };
  const victims = Array.from({ length: 20 }, (_, i) => `victim${i}`);
  for (const name of victims) daemon.writeUnit(name, { command: "sleep", args: ["1000"], user: USER, health_check: check });
  await daemon.reaches("victim19", () => true);
  await daemon.sup("start", "--no-wait", ...victims);
  await daemon.reaches("victim19", (row) => row.pid !== null);
  await daemon.sup("start", "attacker");
  await restarts(daemon, "other", 25);
  await daemon.sup("stop", "attacker");
});

test.if(canHang)(
  "a hung working directory: the start fails and says where, others restart meanwhile, and a stop does not wait for it",
  async () => {
    await using daemon = await startDaemon({ units: { other: quick } });
    using hung = hangingMount(join(daemon.home, "mnt"));
    const policy = { auto_restart: false };
    daemon.writeUnit("stuck", { command: "sleep", args: ["1000"], working_directory: `${hung.path}/x`, ...policy });
    daemon.writeUnit("lost", { command: `${hung.path}/program`, ...policy });
    await daemon.reaches("lost", () => true);
    await daemon.sup("start", "--no-wait", "stuck", "lost");
    await restarts(daemon, "other", 5);
    expect(await daemon.service("stuck")).toMatchObject({ state: "starting", pid: null });
    await daemon.reaches("stuck", "failed", 30_000);
    await daemon.reaches("lost", "failed", 30_000);
    const messages = await Promise.all(["stuck", "lost"].map(async (id) => (await eventsOf(daemon, id, "start-failed"))[0]!.message));
    expect(messages[0]).toContain(`cannot change to the working directory ${hung.path}/x: timed out`);
    expect(messages[1]).toContain(`cannot execute ${hung.path}/program: timed out`);
  },
);

test("the spawn server is killed: services restart as usual; it ends with the daemon, at a crash and at the end", async () => {
  const daemon = await startDaemon({ units: { other: quick } });
  try {
    await daemon.reaches("other", "running");
    const first = spawnServerOf(daemon.pid);
    process.kill(first, "SIGKILL");
    await restarts(daemon, "other", 3);
    const second = spawnServerOf(daemon.pid);
    expect(second).not.toBe(first);
    await daemon.crash();
    await daemon.start();
    await daemon.reaches("other", "running");
    expect(alive(second)).toBe(false);
    const third = spawnServerOf(daemon.pid);
    await daemon.sup("daemon", "reexec");
    await daemon.reaches("other", "running");
    await restarts(daemon, "other", 2);
    expect(spawnServerOf(daemon.pid)).not.toBe(third);
    expect(alive(third)).toBe(false);
    const last = spawnServerOf(daemon.pid);
    await daemon.stop();
    expect(existsSync(`/proc/${last}`)).toBe(false);
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
});

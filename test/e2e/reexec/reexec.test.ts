/** The daemon becomes the program on disk: same pid, same services, nothing lost. */
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon, SUP } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper, worker } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const sh = (script: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  command: "/bin/sh",
  args: ["-c", script],
  ...more,
});

const startOf = async (daemon: Daemon): Promise<string> => ((await daemon.json("daemon", "status")) as { start_time: string }).start_time;

test("reexec: the same pid, the same services, another start; restart is the same", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }), manual: sleeper() } });
  const { pid } = daemon;
  const web = await daemon.reaches("web", "running");
  const before = await startOf(daemon);
  for (const verb of ["reexec", "restart"]) {
    const { code, stdout } = await daemon.sup("daemon", verb);
    expect(stdout).toContain(`re-executed (pid ${pid})`);
    expect(code).toBe(0);
  }
  expect(daemon.pid).toBe(pid);
  expect(await startOf(daemon)).not.toBe(before);
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid: web.pid, restart_count: 0 });
  // what is new answers for what is old
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  expect(alive(web.pid!)).toBe(false);
  expect((await daemon.sup("start", "manual")).code).toBe(0);
});

test("twenty times in a row under load: every exit code is known, no line is lost, and no descriptor stays behind", async () => {
  const looper = sh("sleep 0.02; exit 7", { enabled: true, restart_policy: { retry_delay: 0.02, backoff_multiplier: 1, max_retries: -1 } });
  const talker = sh('i=0; while :; do i=$((i+1)); echo "line $i"; [ $((i %% 50)) -eq 0 ] && sleep 0.01; done', { enabled: true });
  await using daemon = await startDaemon({ units: { looper, talker } });
  const { pid } = await daemon.reaches("talker", "running");
  await daemon.sup("daemon", "reexec");
  const descriptors = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
  const open = descriptors();
  for (let i = 0; i < 19; i++) expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  // A request may be under way, and the looper has more while it runs; what stays behind stays.
  await until(() => descriptors() <= open + 3, {
    what: `no more than the ${open} descriptors of before`,
    explain: () => `${descriptors()} are open`,
  });
  expect((await daemon.service("talker")).pid).toBe(pid);
  const ends = await eventsOf(daemon, "looper", "exited");
  expect(ends.length).toBeGreaterThan(5);
  expect(ends.filter((event) => event.details.exit_code !== 7)).toEqual([]);
  await daemon.sup("stop", "talker");
  const text = daemon.log("talker").replace(/^\S+ stdout P (.*)\n\S+ stdout F /gm, "x stdout F $1");
  const lines = [...text.matchAll(/ F line (\d+)\n/g)].map(([, n]) => Number(n));
  expect(lines.length).toBeGreaterThan(100);
  expect(lines.findIndex((number, i) => number !== i + 1)).toBe(-1);
});

test("a signal that comes in the gap is not lost and kills nobody: SIGTERM ends the daemon in order", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  await daemon.reaches("web", "running");
  const { pid } = daemon;
  const renewed = daemon.sup("daemon", "reexec");
  // many, over the whole of it: before, in the gap, and after
  const storm = setInterval(() => {
    try {
      process.kill(pid, "SIGHUP"); // a reload: harmless when handled, the end of a process that has no handler
    } catch {
      // it ended, which the test tells
    }
  }, 1);
  expect((await renewed).code).toBe(0);
  clearInterval(storm);
  expect((await daemon.service("web")).state).toBe("running");
  process.kill(pid, "SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(daemon.log("web")).toContain(" F bye\n");
});

test("a new program that was put in the place of the old one is what runs afterwards", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) }, bin: (home) => copied(home) });
  const { pid } = await daemon.reaches("web", "running");
  const copy = join(daemon.home, "sup-copy");
  copyFileSync(SUP, `${copy}.new`);
  chmodSync(`${copy}.new`, 0o755);
  renameSync(`${copy}.new`, copy);
  await until(() => linkOf(daemon).endsWith("(deleted)"), { what: "the old program to be gone from its place" });
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  expect(linkOf(daemon)).toBe(copy);
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid });
});

test("a program that cannot be executed changes nothing, and the log says so", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) }, bin: (home) => copied(home) });
  const { pid } = await daemon.reaches("web", "running");
  const copy = join(daemon.home, "sup-copy");
  writeFileSync(`${copy}.new`, "not a program");
  chmodSync(`${copy}.new`, 0o755);
  renameSync(`${copy}.new`, copy);
  expect((await daemon.api("/api/supervisor/reexec", { method: "POST" })).status).toBe(202);
  await until(async () => (await eventsOf(daemon, "", "daemon-reexec-failed")).length > 0, { what: "the failure to be told" });
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid });
  process.kill(pid!, "SIGKILL");
  await daemon.reaches("web", (row) => row.state === "running" && row.pid !== pid);
});

function copied(home: string): string {
  const copy = join(home, "sup-copy");
  copyFileSync(SUP, copy);
  chmodSync(copy, 0o755);
  return copy;
}

const linkOf = (daemon: Daemon): string =>
  Bun.spawnSync(["readlink", `/proc/${daemon.pid}/exe`])
    .stdout.toString()
    .trim();

/** What happens to services and logs when the machine runs out of something. The rows of docs/survival.md. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper } from "../../harness/services.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

const isRoot = process.getuid!() === 0;

/** Mounts a small file system there until the end of the scope. */
function mounted(path: string, size: string): Disposable {
  mkdirSync(path, { recursive: true });
  const { exitCode } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${size},mode=0700`, "none", path]);
  if (exitCode !== 0) throw new Error(`cannot mount a file system at ${path}`);
  return { [Symbol.dispose]: () => void Bun.spawnSync(["umount", "-l", path]) };
}

const limitDescriptors = (daemon: Daemon, limit: number): void =>
  void Bun.spawnSync(["prlimit", "--pid", String(daemon.pid), `--nofile=${limit}:`]);

test("out of descriptors: what runs goes on, a start fails and says why, and works again when there are some", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }), late: sleeper({ auto_restart: false }) } });
  const { pid } = await daemon.reaches("web", "running");
  const open = Math.max(...readdirSync(`/proc/${daemon.pid}/fd`).map(Number)) + 1;
  limitDescriptors(daemon, open + 2); // enough to answer a request, not enough to start a process
  const failed = await daemon.sup("start", "late");
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("file descriptors left");
  expect(alive(pid!)).toBe(true);
  expect((await daemon.service("web")).state).toBe("running");
  limitDescriptors(daemon, 4096);
  expect((await daemon.sup("start", "late")).code).toBe(0);
});

test.if(isRoot)("the disk of the logs is full: the service goes on, the loss is told, and the log goes on when there is room", async () => {
  using home = tempDir();
  using _ = mounted(join(home.path, "logs"), "1m");
  const gate = "%S/gate";
  const flood = `head -c 3000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo written; while [ ! -e '${gate}' ]; do sleep 0.02; done; echo after; exec sleep 1000`;
  const units = { flood: { enabled: true, command: "/bin/sh", args: ["-c", flood], log: { max_size_mb: 100 } } };
  await using daemon = await startDaemon({ home: home.path, units, settings: { metrics: { interval: 0.5 } } });
  const { pid } = await daemon.reaches("flood", "running");
  await until(async () => (await eventsOf(daemon, "flood", "log-loss")).length > 0, { what: "the loss to be told" });
  expect(alive(pid!)).toBe(true);
  const open = async (): Promise<unknown> => daemon.json("alerts");
  await until(async () => JSON.stringify(await open()).includes("cannot write the log, output is lost: no space left"), { what: "the alert" }); // prettier-ignore
  expect((await daemon.sup("status", "flood")).stdout).toMatch(
    /Not logged: \d+ lines .* lost since .*: no space left on device \(ENOSPC\); still losing lines/,
  );
  for (const name of readdirSync(join(home.path, "logs"))) if (name !== "flood.log") rmSync(join(home.path, "logs", name));
  Bun.spawnSync(["mount", "-o", "remount,size=20m", join(home.path, "logs")]);
  writeFileSync(join(home.path, "state/gate"), "");
  await until(() => daemon.log("flood").includes(" F after\n"), { what: "the log to go on" });
  const losses = await eventsOf(daemon, "flood", "log-loss");
  const said = [
    ...daemon.log("flood").matchAll(/ stderr F \[sup\] (\d+) lines \(\d+ bytes\) of stdout were lost: no space left on device/g),
  ];
  const kept = daemon.log("flood").split("\n").filter((line) => line.endsWith("x".repeat(99))).length; // prettier-ignore
  expect(kept + said.reduce((sum, [, lines]) => sum + Number(lines), 0)).toBeWithin(30_303, 30_306); // 3,000,000 bytes by 99, "written" with them
  expect(losses.at(-1)!.details).toMatchObject({ over: true });
  expect(losses.at(-1)!.details.bytes).toBeGreaterThan(0);
  expect((await daemon.service("flood")).restart_count).toBe(0);
});

test.if(isRoot)(
  "the disk of the store is full: units start, stop and come back all the same, and the status says so",
  async () => {
    using home = tempDir();
    using _ = mounted(join(home.path, "state"), "3m");
    const units = { web: sleeper({ enabled: true, restart_policy: { retry_delay: 0 } }), other: sleeper() };
    await using daemon = await startDaemon({ home: home.path, units });
    const { pid } = await daemon.reaches("web", "running");
    const filler = join(home.path, "state/filler");
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"], { stderr: "ignore" });
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=1k", "oflag=append", "conv=notrunc"], { stderr: "ignore" });
    const notes = async (): Promise<string> => ((await daemon.json("daemon", "status")) as { notes: string[] }).notes.join("\n");
    // what is in the write-ahead log already can be written again without room: so make the daemon write until it notices
    await until(
      async () => {
        await daemon.sup("restart", "other");
        return (await notes()).includes("sup.db");
      },
      { what: "the store to notice", timeoutMs: 30_000, explain: notes },
    );
    process.kill(pid!, "SIGKILL");
    const back = await daemon.reaches("web", (row) => row.state === "running" && row.pid !== pid);
    expect(back.restart_count).toBe(1);
    expect((await daemon.sup("stop", "other")).code).toBe(0);
    rmSync(filler);
    await until(
      async () => {
        await daemon.sup("restart", "other");
        return !(await notes()).includes("sup.db");
      },
      { what: "the store to be written again", timeoutMs: 30_000, explain: notes },
    );
    expect((await eventsOf(daemon, "web", "started")).length).toBe(2);
  },
  90_000,
);

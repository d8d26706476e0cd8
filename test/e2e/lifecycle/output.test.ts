/** Lines of output that make a unit ready or fail it. */
import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { eventsOf, typesOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper, type UnitFile } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";

const sh = (script: string, more: UnitFile = {}): UnitFile => ({ command: "/bin/sh", args: ["-c", script], ...more });

describe("a line of output", () => {
  const shared = sharedDaemon();
  const { drop } = shared;

  test("makes the unit ready, and its dependents start", async () => {
    const { daemon } = shared;
    const go = join(daemon.home, "go");
    const script = `echo starting; while [ ! -e '${go}' ]; do sleep 0.01; done; echo "listening on 80" >&2; exec sleep 1000`;
    const hook = sh("echo listening on nothing");
    await drop("server", sh(script, { ready_log: "/listening on \\d+/", fail_log: "FATAL", pre_start: [hook] }));
    await drop("client", sleeper({ dependencies: ["server"] }));
    await daemon.sup("start", "--no-wait", "client");
    await daemon.reaches("server", (row) => row.pid !== null);
    expect([(await daemon.service("server")).state, (await daemon.service("client")).state]).toEqual(["starting", "starting"]);
    expect((await daemon.sup("explain", "server")).stdout).toContain("Ready when a line of its output matches /listening on \\d+/");
    writeFileSync(go, "");
    await daemon.reaches("client", "running");
    expect(await daemon.service("server")).toMatchObject({ state: "running", restart_count: 0 });
  });

  test("that is missing fails the start, which names it", async () => {
    const { daemon } = shared;
    await drop("silent", sh("echo not this; exec sleep 1000", { ready_log: "listening", start_timeout: 1, auto_restart: false }));
    const { code, stdout, stderr } = await daemon.sup("start", "silent");
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining("no line of its output matches ready_log: listening")]);
  });

  test("fails a start and a run at once; the reason is the line", async () => {
    const { daemon } = shared;
    const script = "echo 'cannot bind: in use'; exec sleep 1000";
    await drop(
      "unstarted",
      sh(script, { ready_log: "listening", fail_log: "/^cannot bind/", restart_policy: { max_retries: 1, retry_delay: 0.01 } }),
    );
    const { code, stdout, stderr } = await daemon.sup("start", "unstarted");
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining("output matches fail_log /^cannot bind/: cannot bind: in use")]);
    await daemon.reaches("unstarted", "fatal");
    expect((await daemon.service("unstarted")).reason).toBe("log");
    const go = join(daemon.home, "lose");
    await drop(
      "loses",
      sh(`while [ ! -e '${go}' ]; do sleep 0.01; done; echo quorum lost; exec sleep 1000`, {
        fail_log: "quorum lost",
        auto_restart: false,
      }),
    );
    await daemon.sup("start", "loses");
    const { pid } = await daemon.reaches("loses", "running");
    writeFileSync(go, "");
    await daemon.reaches("loses", "failed");
    expect(alive(pid!)).toBe(false);
    const why = (await daemon.sup("why", "loses")).stdout;
    expect(why).toContain("Output matches fail_log quorum lost: quorum lost.");
    expect(await typesOf(daemon, "loses")).toContain("unhealthy");
  });

  test("that is written right before the process ends still counts", async () => {
    const { daemon } = shared;
    await drop("brief", sh("echo up; exit 3", { ready_log: "up", auto_restart: false }));
    await daemon.sup("start", "--no-wait", "brief");
    expect((await daemon.reaches("brief", "failed")).reason).toBe("exit-code");
    expect(await typesOf(daemon, "brief")).toContain("running");
  });

  test("fails the unit according to the file that is in force, also after a reload", async () => {
    const { daemon } = shared;
    const go = join(daemon.home, "later");
    const script = sh(`while [ ! -e '${go}' ]; do sleep 0.01; done; echo lost; exec sleep 1000`, { auto_restart: false });
    await drop("changed", script);
    await daemon.sup("start", "changed");
    const { pid } = await daemon.service("changed");
    await drop("changed", { ...script, fail_log: "lost" });
    expect((await daemon.sup("reload")).code).toBe(0);
    expect(await daemon.service("changed")).toMatchObject({ state: "running", pid });
    writeFileSync(go, "");
    await daemon.reaches("changed", "failed");
  });
});

/** Writes a line at the moment when the file appears. */
const waits = (go: string, line: string): string => `until [ -e '${go}' ]; do :; done; echo ${line}; exec sleep 1000`;

describe("SIGKILL of the daemon", () => {
  test("a line that arrives while no daemon runs counts when the next one reads it", async () => {
    await using daemon = await startDaemon();
    const go = join(daemon.home, "go");
    daemon.writeUnit("web", sh(waits(go, "up"), { ready_log: "up" }));
    daemon.writeUnit("db", sh(waits(go, "lost"), { fail_log: "lost", auto_restart: false }));
    await daemon.reaches("db", () => true);
    await daemon.sup("start", "--no-wait", "web", "db");
    for (const id of ["web", "db"]) await daemon.reaches(id, (row) => row.pid !== null);
    await daemon.crash();
    writeFileSync(go, "");
    await daemon.start();
    await daemon.reaches("web", "running");
    await daemon.reaches("db", "failed");
    expect((await eventsOf(daemon, "web", "started")).length).toBe(1);
  });

  test("at the moment of the line, again and again: none is lost", async () => {
    await using daemon = await startDaemon();
    const ids = Array.from({ length: 8 }, (_, i) => `u${i}`);
    const fileOf = (id: string): string => join(daemon.home, `go-${id}`);
    for (const id of ids) daemon.writeUnit(id, sh(waits(fileOf(id), "up"), { ready_log: "up", start_timeout: 600 }));
    await daemon.reaches(ids.at(-1)!, () => true);
    for (const [round, id] of ids.entries()) {
      await daemon.sup("start", "--no-wait", id);
      await daemon.reaches(id, (row) => row.pid !== null);
      writeFileSync(fileOf(id), "");
      await atLine(daemon, id, round);
      await daemon.start();
      await daemon.reaches(id, "running");
      await daemon.sup("stop", id);
    }
  });
});

/** Kills the daemon at about the moment when the line is in the log: as soon as it is there in even rounds, otherwise earlier. */
async function atLine(daemon: Daemon, id: string, round: number): Promise<void> {
  const log = join(daemon.home, "logs", `${id}.log`);
  // Without a pause between two checks, because the daemon acts on the line within a millisecond.
  for (const end = performance.now() + 5000; round % 2 === 0 && !existsSync(log) && performance.now() < end;);
  process.kill(daemon.pid, "SIGKILL");
  await daemon.exited;
}

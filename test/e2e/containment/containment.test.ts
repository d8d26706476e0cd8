/** Nothing of a unit outlives its stop: with a cgroup for each run, and with nothing but what processes carry. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const python = Bun.which("python3");

const sh = (script: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  command: "/bin/sh",
  args: ["-c", script],
  enabled: true,
  ...more,
});

const pidIn = (file: string): Promise<number> =>
  until(() => existsSync(file) && Number(readFileSync(file, "utf8")), { what: `a pid in ${file}` });

const containmentOf = async (daemon: Daemon): Promise<string> =>
  ((await daemon.json("daemon", "status")) as { containment: string }).containment;

/** Forks, ends, and lets its child do the same, a thousand times: no look at the processes sees all of it. */
const CHAIN = `
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    signal.pause()
for i in range(20000):
    if os.fork():
        os._exit(0)
    if i == 10:
        os.setsid()
`;

describe.each(["auto", "processes"] as const)("containment %s", (containment) => {
  const settings = { containment };

  test("what is in force is shown", async () => {
    await using daemon = await startDaemon({ settings, units: { web: sleeper({ enabled: true }) } });
    const web = await daemon.reaches("web", "running");
    const now = await containmentOf(daemon);
    if (containment === "processes") expect(now).toBe("processes");
    expect(web.containment).toBe(now as "cgroup");
    expect((await daemon.sup("status", "web")).stdout).toContain(now === "cgroup" ? "Tracked by: its own cgroup" : "(no cgroup)");
    expect((await daemon.sup("daemon", "status")).stdout).toContain("Tracking: ");
  });

  test.if(python !== null)("a tree that forks faster than one can look is gone when the stop is done", async () => {
    await using daemon = await startDaemon({ settings });
    daemon.writeUnit("chain", {
      command: python,
      args: ["-c", CHAIN],
      enabled: true,
      graceful_shutdown: { timeout: 0.2 },
    });
    await daemon.reaches("chain", "running");
    expect((await daemon.sup("stop", "chain")).code).toBe(0);
    expect(childrenNamed("python3", daemon.home)).toEqual([]);
  });

  test("stopped processes (SIGSTOP) hear the stop signal, and those that ignore it are killed", async () => {
    await using daemon = await startDaemon({ settings });
    const child = join(daemon.home, "child");
    const script = `sh -c 'trap "" TERM; echo $$ >${child}; kill -STOP $$; while :; do sleep 0.05; done' & trap 'echo heard; exit 0' TERM; kill -STOP $$; wait; sleep 1000 & wait`;
    daemon.writeUnit("web", sh(script, { graceful_shutdown: { timeout: 2 } }));
    const { pid } = await daemon.reaches("web", "running");
    const other = await pidIn(child);
    await until(() => [pid!, other].every((one) => /^State:\s+T/m.test(readFileSync(`/proc/${one}/status`, "utf8"))), {
      what: "both to be stopped",
    });
    expect((await daemon.sup("stop", "web")).code).toBe(0);
    expect(alive(pid!)).toBe(false);
    expect(alive(other)).toBe(false);
    expect(daemon.log("web")).toContain(" F heard\n");
    expect((await eventsOf(daemon, "web", "stopped")).at(-1)!.details.killed).toContain(`sh (${other})`);
  });

  test.each(["group", "mixed", "process"] as const)("kill_mode %s: who hears the signal, and nobody is left", async (mode) => {
    await using daemon = await startDaemon({ settings });
    const child = join(daemon.home, "child");
    // The main process waits a moment, so that the child has time to hear what it should not.
    const script = `(trap 'echo child; exit 0' TERM; sh -c 'echo $PPID' >${child}; while :; do sleep 0.02; done) & trap 'sleep 0.2; echo main; exit 0' TERM; echo up; while :; do sleep 0.02; done`;
    daemon.writeUnit("web", sh(script, { graceful_shutdown: { timeout: 2.5, kill_mode: mode } }));
    await daemon.reaches("web", "running");
    const other = await pidIn(child);
    await until(() => daemon.log("web").includes(" F up\n"), { what: "the trap to be set" });
    expect((await daemon.sup("stop", "web")).code).toBe(0);
    expect(alive(other)).toBe(false);
    expect(daemon.log("web").includes(" F child\n")).toBe(mode === "group");
    expect(daemon.log("web")).toContain(" F main\n");
  });

  test.each(["stop", "restart", "failed start"])(
    "what a hook left behind before the main process began is gone after a %s",
    async (how) => {
      await using daemon = await startDaemon({ settings });
      const left = join(daemon.home, "left");
      const pre_start = [
        { command: "/bin/sh", args: ["-c", `setsid sleep 7002 & echo $! >${left}; sleep 7003 & echo $! >>${left}; sleep 0.1`] },
      ];
      const more = { enabled: false, auto_restart: false, pre_start };
      daemon.writeUnit(
        "web",
        how === "failed start" ? sh("exit 3", { ...more, type: "notify" }) : { command: "sleep", args: ["7001"], ...more },
      );
      await daemon.sup("reload");
      await daemon.sup("start", "web");
      const old = readFileSync(left, "utf8").trim().split("\n").map(Number);
      expect(old).toHaveLength(2);
      if (how === "failed start") await daemon.reaches("web", "failed");
      else expect((await daemon.sup(how, "web")).code).toBe(0);
      expect(old.filter(alive)).toEqual([]);
    },
  );

  test("a main process that named another one with MAINPID= gets the stop signal too, and may still notify", async () => {
    await using daemon = await startDaemon({ settings });
    const child = join(daemon.home, "child");
    // The child is younger than its parent by some ticks of the clock.
    const script = `trap 'echo parent; exit 0' TERM; sleep 0.1; sleep 1000 & echo $! >${child}; systemd-notify MAINPID=$(cat ${child}); systemd-notify --ready; while :; do sleep 0.05; done`;
    if (Bun.which("systemd-notify") === null) return;
    daemon.writeUnit("web", sh(script, { type: "notify", start_timeout: 10, auto_restart: false }));
    const other = await pidIn(child);
    const { pid } = await daemon.reaches("web", "running");
    expect(pid).toBe(other);
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${other}/status`, "utf8"))![1]);
    expect((await daemon.sup("stop", "web")).code).toBe(0);
    expect([other, parent].filter(alive)).toEqual([]);
    expect(daemon.log("web")).toContain(" F parent\n");
  });

  test("what post_stop left behind is gone when the stop is done", async () => {
    await using daemon = await startDaemon({ settings });
    const left = join(daemon.home, "left");
    const post_stop = [{ command: "/bin/sh", args: ["-c", `sleep 7401 & echo $! >${left}; setsid sleep 7402 & echo $! >>${left}; true`] }];
    daemon.writeUnit("web", sh("exec sleep 1000", { post_stop }));
    await daemon.reaches("web", "running");
    expect((await daemon.sup("stop", "web")).code).toBe(0);
    const old = readFileSync(left, "utf8").trim().split("\n").map(Number);
    expect(old.length).toBe(2);
    expect(old.filter(alive)).toEqual([]);
  });

  test("what a crashed run left behind is ended before the next one, and after a SIGKILL of sup too", async () => {
    await using daemon = await startDaemon({ settings });
    const left = join(daemon.home, "left");
    const script = `[ -e ${left} ] && exec sleep 1000; (trap '' TERM; exec setsid sleep 1000) & echo $! >${left}; sleep 1000`;
    daemon.writeUnit("web", sh(script, { restart_policy: { retry_delay: 0 }, graceful_shutdown: { timeout: 0.2 } }));
    const { pid } = await daemon.reaches("web", "running");
    const old = await pidIn(left);
    await daemon.crash();
    await daemon.start();
    process.kill(pid!, "SIGKILL");
    await daemon.reaches("web", ({ restart_count, state }) => restart_count === 1 && state === "running");
    expect(alive(old)).toBe(false);
  });
});

test("with a cgroup even a daemon that cleaned its environment is found, also by the next sup", async () => {
  await using daemon = await startDaemon();
  if ((await containmentOf(daemon)) !== "cgroup") return; // this machine has none
  const files = ["one", "two"].map((name) => join(daemon.home, name));
  for (const [i, file] of files.entries())
    daemon.writeUnit(`unit-${i}`, sh(`(setsid env -i sh -c 'echo $$ >${file}; exec sleep 1000' &); exec sleep 1000`));
  const pids = await Promise.all(files.map(pidIn));
  await daemon.reaches("unit-1", "running");
  expect((await daemon.sup("stop", "unit-0")).code).toBe(0);
  expect(pids.map(alive)).toEqual([false, true]);
  await daemon.crash();
  await daemon.start();
  expect((await daemon.service("unit-1")).containment).toBe("cgroup");
  expect((await daemon.sup("restart", "unit-1")).code).toBe(0);
  expect(alive(pids[1]!)).toBe(false);
});

test("the groups go with the daemon", async () => {
  const daemon = await startDaemon({ units: { web: sh("sleep 1000", { post_stop: [{ command: "true" }] }) } });
  await daemon.reaches("web", "running");
  const { pid } = await daemon.service("web");
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "/";
  await daemon[Symbol.asyncDispose]();
  if (!path.includes("/sup-")) return; // this machine has none
  for (const mount of ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]) expect(existsSync(join(mount, path, ".."))).toBe(false);
});

/** By name, of those whose working directory lies in `home`. */
function childrenNamed(name: string, home: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && alive(pid) && read(`/proc/${pid}/comm`).trim() === name && read(`/proc/${pid}/environ`).includes(home));
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // gone
  }
}

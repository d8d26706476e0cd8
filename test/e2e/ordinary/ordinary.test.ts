/** sup as an ordinary user: the same promises, without any right. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { asNobody, BECOME_NOBODY, isRoot, spawnServerOf } from "../../harness/confined.ts";
import { eventsOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { forker, sleeper } from "../../harness/services.ts";
import { Home } from "../documents/typed.ts";
import { until } from "../../harness/until.ts";

const asRoot = test.if(isRoot); // only root can become somebody else

const limitProcesses = (daemon: Daemon, limit: number): void =>
  void Bun.spawnSync([...BECOME_NOBODY, "prlimit", "--pid", String(spawnServerOf(daemon.pid)), `--nproc=${limit}:`]);

asRoot("the whole tree of a service stops, with what made its own session", async () => {
  await using daemon = await startDaemon({ bin: asNobody });
  const pidFile = join(daemon.home, "state/left");
  daemon.writeUnit("web", forker(pidFile, { enabled: true }));
  await daemon.reaches("web", "running");
  const left = await until(() => existsSync(pidFile) && Number(readFileSync(pidFile, "utf8")), {
    what: "the process with its own session",
  });
  expect((await daemon.sup("stop", "web")).code).toBe(0);
  expect(alive(left)).toBe(false);
});

asRoot("a crash of sup: the next one adopts what runs, and knows how it ends", async () => {
  await using daemon = await startDaemon({ bin: asNobody, units: { web: sleeper({ enabled: true, restart_policy: { retry_delay: 0 } }) } });
  const { pid } = await daemon.reaches("web", "running");
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid, restart_count: 0 });
  process.kill(pid!, "SIGKILL");
  await daemon.reaches("web", ({ restart_count, state }) => restart_count === 1 && state === "running");
});

test.if(isRoot && !existsSync("/run/systemd/system"))(
  "install-service --dry-run on a machine without systemd, beside a running daemon: the plan, and that it cannot be carried out",
  async () => {
    await using home = new Home();
    home.install();
    const { code, stdout, stderr } = await home.type("sup daemon start\nsup install-service --dry-run\nsup daemon stop");
    expect(stdout).toContain("Would end the daemon that runs without systemd");
    expect(code).toBe(0);
    expect(stderr).toContain("sup: note: this machine does not run systemd (there is no /run/systemd/system)\n");
  },
);

asRoot("no process can be had (EAGAIN): that is told, uses up no retry, and the unit comes up when there is room", async () => {
  await using daemon = await startDaemon({
    bin: asNobody,
    units: { web: sleeper({ enabled: true }), late: sleeper({ restart_policy: { max_retries: 0 } }) },
  });
  const { pid } = await daemon.reaches("web", "running");
  limitProcesses(daemon, 1);
  const failed = await daemon.sup("start", "late");
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("cannot create a process: resource temporarily unavailable");
  expect(await daemon.service("late")).toMatchObject({ state: "backoff", reason: "resources", retries: 0 });
  expect(alive(pid!)).toBe(true);
  limitProcesses(daemon, 4096);
  expect(await daemon.reaches("late", "running")).toMatchObject({ retries: 0 });
  expect((await eventsOf(daemon, "late", "backoff"))[0]!.message).toContain("next attempt in 1s (does not use up a retry)");
});

asRoot.each([
  [{ user: "root" }, "cannot become user root: operation not permitted (EPERM)"],
  [{ nice: -5 }, "cannot set nice -5: permission denied (EACCES)"],
  [{ limits: { nofile: 10_000_000 } }, "cannot set the limit nofile: operation not permitted (EPERM); it is above the hard limit"],
] as const)("what only root may is a failed start that names the step: %j", async (more, words) => {
  await using daemon = await startDaemon({ bin: asNobody, units: { web: sleeper({ ...more, auto_restart: false }) } });
  const started = await daemon.sup("start", "web");
  expect(started.stderr).toContain(words);
  expect(started.code).toBe(1);
  expect((await daemon.sup("status", "web")).stdout).toContain(words);
});

/** sup as the first process of a container: `unshare --pid` stands for the container. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { asInit, childrenOf, isRoot, spawnServerOf } from "../../harness/confined.ts";
import { typesOf } from "../../harness/history.ts";
import { run } from "../../harness/run.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const asRoot = test.if(isRoot); // a pid namespace needs it

const says = (file: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  command: "/bin/sh",
  args: ["-c", `trap 'echo "$SUP_UNIT" >>${file}; exit 0' TERM; echo up; while :; do sleep 0.02; done`],
  enabled: true,
  ...more,
});

const init = (daemon: { readonly pid: number }): number => childrenOf(daemon.pid)[0]!;

asRoot.each(["SIGTERM", "SIGINT"] as const)("%s stops the units in reverse order, and the exit code is 0", async (signal) => {
  await using daemon = await startDaemon({ bin: asInit });
  const file = join(daemon.home, "order");
  daemon.writeUnit("db", says(file));
  daemon.writeUnit("web", says(file, { dependencies: ["db"] }));
  for (const id of ["db", "web"]) await until(() => daemon.log(id).includes(" F up\n"), { what: `the trap of ${id} to be set` });
  expect((await daemon.json("daemon", "status")) as object).toMatchObject({ pid: 1 });
  process.kill(init(daemon), signal);
  expect(await daemon.exited).toBe(0);
  expect(readFileSync(file, "utf8")).toBe("web\ndb\n");
});

asRoot("strangers: reaped when they end, sent nothing while they live, and no reason to stay at the end", async () => {
  await using daemon = await startDaemon({ bin: asInit, units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  const host = init(daemon);
  const before = childrenOf(host).length;
  const marks = join(daemon.home, "signals");
  const inject = (script: string): Promise<unknown> =>
    run(["nsenter", `--target=${host}`, "--pid", "--mount", "/bin/sh", "-c", script], {
      env: { PATH: process.env.PATH!, HOME: daemon.home },
    });
  await inject("setsid sh -c 'exit 7' & setsid sh -c 'exit 8' &");
  await inject(
    `(trap 'echo TERM >>${marks}' TERM; trap 'echo HUP >>${marks}' HUP; echo up >${marks}; while :; do sleep 0.05; done) </dev/null >/dev/null 2>&1 &`,
  );
  await until(() => readFileSync(marks, "utf8") === "up\n", { what: "the stranger to live" });
  // The stranger stays, the zombies go.
  await until(() => childrenOf(host).length === before + 1, {
    what: "the strangers that ended to be reaped",
    explain: () => childrenOf(host).join(" "),
  });
  expect((await daemon.sup("stop", "web")).code).toBe(0);
  expect(readFileSync(marks, "utf8")).toBe("up\n");
  process.kill(host, "SIGTERM");
  expect(await daemon.exited).toBe(0);
});

asRoot("what daemonised away from a service belongs to it", async () => {
  await using daemon = await startDaemon({ bin: asInit });
  daemon.writeUnit("web", { enabled: true, command: "/bin/sh", args: ["-c", "(setsid env -i sleep 1000 &) & sleep 1000"] });
  await daemon.reaches("web", "running");
  const host = init(daemon);
  await until(() => childrenOf(host).length === 2, { what: "the daemon to be sup's child" });
  expect((await daemon.sup("stop", "web")).code).toBe(0);
  await until(() => childrenOf(host).length === 0, { what: "nothing to be left" });
});

asRoot("a renewal in a container keeps pid 1 and the services", async () => {
  await using daemon = await startDaemon({ bin: asInit, units: { web: sleeper({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  expect(await daemon.service("web")).toMatchObject({ pid, restart_count: 0, state: "running" });
  expect(await typesOf(daemon, "")).toContain("daemon-reexecuted");
});

/** A group of the first version of cgroups, with the memory that a container may have. */
const MEMORY = "/sys/fs/cgroup/memory";

test.if(isRoot && existsSync(join(MEMORY, "memory.limit_in_bytes")))(
  "a limit of 128 MB for the whole container: the service that wants more is killed and told, sup and the others go on",
  async () => {
    const group = join(MEMORY, `sup-test-${process.pid}`);
    mkdirSync(group);
    try {
      writeFileSync(join(group, "memory.limit_in_bytes"), String(128 << 20));
      await using daemon = await startDaemon({ bin: asInit });
      for (const pid of [init(daemon), spawnServerOf(init(daemon))]) writeFileSync(join(group, "cgroup.procs"), String(pid));
      daemon.writeUnit("web", sleeper({ enabled: true }));
      await daemon.reaches("web", "running");
      daemon.writeUnit("greedy", { enabled: true, command: "tail", args: ["/dev/zero"], auto_restart: false });
      expect(await daemon.reaches("greedy", "failed")).toMatchObject({ reason: "oom-kill" });
      expect((await daemon.service("web")).state).toBe("running");
      expect((await daemon.sup("stop", "web")).code).toBe(0);
      process.kill(init(daemon), "SIGTERM");
      expect(await daemon.exited).toBe(0);
    } finally {
      rmdirSync(group);
    }
  },
);

asRoot("a daemon that cannot start says so and ends with 1", async () => {
  await using daemon = await startDaemon({ bin: asInit });
  const second = await run([asInit(daemon.home), "daemon"], { env: { ...daemon.env } });
  expect(second.stderr).toContain("another daemon");
  expect(second.code).toBe(1);
});

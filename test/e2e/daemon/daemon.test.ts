/** The daemon's own life: start, stop, one at a time, and the order of the end. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, SUP } from "../../harness/daemon.ts";
import { alive, processesOf } from "../../harness/processes.ts";
import { run } from "../../harness/run.ts";
import { sleeper, worker } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

test("daemon start, status and stop; a second start says that it runs already", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  await daemon.stop();
  const none = await daemon.sup("daemon", "status");
  expect(none.code).toBe(5);
  const started = await daemon.sup("daemon", "start");
  expect(started.stdout + started.stderr).toMatch(/^sup daemon: started \(pid \d+\)/);
  const pid = Number(/pid (\d+)/.exec(started.stdout)![1]);
  expect((await daemon.sup("daemon", "start")).stdout).toContain(`already running (pid ${pid})`);
  const status = await daemon.sup("daemon", "status");
  expect({ code: status.code, pid: status.stdout.includes(String(pid)) }).toEqual({ code: 0, pid: true });
  await daemon.reaches("web", "running");
  const stopped = await daemon.sup("daemon", "stop");
  expect({ code: stopped.code, said: stopped.stdout.includes(`stopped (pid ${pid})`) }).toEqual({ code: 0, said: true });
  expect(alive(pid)).toBe(false);
  expect(processesOf(daemon.home)).toEqual([]);
});

test("several starts at once end well: one starts the daemon, the others wait until it answers", async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const starts = await Promise.all(Array.from({ length: 4 }, () => daemon.sup("daemon", "start")));
  expect(starts.map(({ code, stderr }) => [code, stderr])).toEqual(starts.map(() => [0, ""]));
  const said = starts.map(({ stdout }) => /^sup daemon: (started|already running) \(pid (\d+)\)/.exec(stdout)!.slice(1));
  expect(said.filter(([what]) => what === "started")).toHaveLength(1);
  expect(new Set(said.map(([, pid]) => pid)).size).toBe(1);
  expect((await daemon.sup("daemon", "stop")).code).toBe(0);
});

test("what is amiss at the start is told by the command that started it", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  await using daemon = await startDaemon({ units: { bad: `{ "comand": "x" }` }, settings: { api: { port: server.port } } });
  await daemon.stop();
  const { code, stdout, stderr } = await daemon.sup("daemon", "start");
  expect(stdout).toMatch(/^sup daemon: started \(pid \d+\)\n$/);
  expect(code).toBe(0);
  for (const line of [`! port ${server.port} is taken by `, "bad.unit.json:1:3: error: ", "`sup doctor` shows"])
    expect(stderr).toContain(line);
  await daemon.sup("daemon", "stop");
});

test("after an orderly stop and start enabled units come up, also one the operator had stopped, and no other", async () => {
  await using daemon = await startDaemon({
    units: { web: worker({ enabled: true }), halted: worker({ enabled: true }), manual: worker(), word: worker() },
  });
  await daemon.reaches("web", "running");
  await daemon.reaches("halted", "running");
  await daemon.sup("start", "manual");
  await daemon.sup("enable", "word");
  await daemon.sup("stop", "halted");
  await daemon.stop();
  await daemon.start();
  for (const id of ["web", "halted", "word"]) expect(await daemon.reaches(id, "running")).toMatchObject({ reason: "boot" });
  expect((await daemon.service("manual")).state).toBe("stopped");
});

test("a second daemon on the same state is refused and says who has it", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  const second = await run([SUP, "daemon"], { env: daemon.env, cwd: daemon.home });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`cannot start: another daemon (pid ${daemon.pid}) owns ${join(daemon.home, "state")}`);
  expect(second.stderr).not.toContain("at "); // no stack
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid });
});

test.each(["SIGTERM", "SIGINT"] as const)("%s stops units in reverse order of their dependencies and ends with 0", async (signal) => {
  const say = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => {
    const script = `trap 'echo ${name} >>"$ORDER"; exit 0' TERM; echo up; while :; do sleep 0.02; done`;
    return { command: "/bin/sh", args: ["-c", script], environment: { ORDER: "%S/order" }, enabled: true, ...more };
  };
  await using daemon = await startDaemon({
    units: { db: say("db"), app: say("app", { dependencies: ["db"] }), web: say("web", { dependencies: ["app"] }) },
  });
  for (const id of ["db", "app", "web"]) await until(() => daemon.log(id).includes("up"), { what: `the trap of ${id} to be set` });
  const { pid } = daemon;
  process.kill(pid, signal);
  expect(await daemon.exited).toBe(0);
  expect(readFileSync(join(daemon.home, "state/order"), "utf8")).toBe("web\napp\ndb\n");
  expect(processesOf(daemon.home)).toEqual([]);
  expect(existsSync(daemon.socket)).toBe(false);
});

test("the daemon's own log says when it began and ended, and why", async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const log = readFileSync(join(daemon.home, "logs/sup.log"), "utf8");
  expect(log).toMatch(/started, pid \d+/);
  expect(log).toContain("stopping, requested by the API");
});

test("the caller's environment never reaches a unit", async () => {
  const unit = { command: "/bin/sh", args: ["-c", "env"], type: "oneshot", environment: { MINE: "yes" } };
  await using daemon = await startDaemon({ units: { env: unit }, env: { SECRET_OF_CALLER: "hush", LD_PRELOAD: "" } });
  expect((await daemon.sup("start", "env")).code).toBe(0);
  const names = [...daemon.log("env").matchAll(/ F ([A-Z_]+)=/g)].map(([, name]) => name);
  expect(names).not.toContain("SECRET_OF_CALLER");
  for (const name of ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "SUP_UNIT", "SUP_INVOCATION_ID", "MINE"]) expect(names).toContain(name);
});

test("SIGHUP of the daemon is a reload", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  daemon.writeUnit("web", sleeper({ enabled: true, args: ["2000"] }));
  process.kill(daemon.pid, "SIGHUP");
  await daemon.reaches("web", (row) => row.state === "running" && row.pid !== pid && !row.changed_on_disk);
  await until(() => !alive(pid!), { what: "the old process to be gone" });
});

/** Order between units: waiting, stopping in reverse, recovering, and graphs that make no sense. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { crasher, crashesWhen, marker, sleeper } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();
const { drop } = shared;

/** Of one kind in the histories of these units, in the order in which they happened. */
async function order(type: string, ...units: string[]): Promise<string[]> {
  const events = await Promise.all(units.map((unit) => eventsOf(shared.daemon, unit, type)));
  return events.flat().sort((a, b) => a.id - b.id).map((event) => event.service_id!); // prettier-ignore
}

const gateOf = (name: string): string => join(shared.daemon.home, `${name}.gate`);
const checked = (gate: string): Record<string, unknown> => ({
  health_check: { type: "exec", command: "test", args: ["-e", gate], interval: 0.1, start_interval: 0.1 },
});

test("a unit waits until what it needs is ready, and says for whom", async () => {
  const { daemon } = shared;
  await drop("db", sleeper(checked(gateOf("db"))));
  await drop("web", sleeper({ dependencies: ["db"] }));
  const starting = daemon.sup("start", "web");
  const waiting = await daemon.reaches("web", (row) => row.waiting_for.length > 0);
  expect(waiting).toMatchObject({ state: "starting", reason: "dependency", waiting_for: ["db"], pid: null });
  expect((await daemon.sup("status", "web")).stdout).toMatch(/Waiting for: db/);
  await daemon.reaches("db", (row) => row.state === "starting" && row.pid !== null); // started because it is needed
  writeFileSync(gateOf("db"), "");
  expect((await starting).code).toBe(0);
  expect(await order("running", "db", "web")).toEqual(["db", "web"]);
});

test("a oneshot is waited for until it has succeeded; one that fails holds its dependents back and says so", async () => {
  const { daemon } = shared;
  await drop("setup", marker(join(daemon.home, "setups")));
  await drop("after", sleeper({ dependencies: ["setup"] }));
  expect((await daemon.sup("start", "after")).code).toBe(0);
  expect(await daemon.service("setup")).toMatchObject({ state: "stopped", reason: "success" });
  await drop("broken", crasher(3, { type: "oneshot", auto_restart: false }));
  await drop("held", sleeper({ dependencies: ["broken"] }));
  const { code, stdout, stderr } = await daemon.sup("start", "held");
  expect({ code, said: /needs broken, which is failed/.test(stdout + stderr) }).toEqual({ code: 1, said: true });
  expect(await daemon.service("held")).toMatchObject({ state: "starting", waiting_for: ["broken"], pid: null });
  await daemon.sup("stop", "held");
});

test("a dependent that waits for a failed unit starts by itself when that one recovers", async () => {
  const { daemon } = shared;
  await drop("flaky", crasher(3, { type: "oneshot", auto_restart: false }));
  await drop("patient", sleeper({ dependencies: ["flaky"] }));
  expect((await daemon.sup("start", "patient")).code).toBe(1);
  daemon.writeUnit("flaky", marker(join(daemon.home, "flaky")));
  await daemon.sup("reload");
  expect((await daemon.sup("start", "flaky")).code).toBe(0);
  await daemon.reaches("patient", "running");
});

test("conditions: started does not wait for readiness, completed takes a failure too", async () => {
  const { daemon } = shared;
  await drop("slow", sleeper(checked(gateOf("never"))));
  await drop("early", sleeper({ dependencies: [{ unit: "slow", condition: "started" }] }));
  expect((await daemon.sup("start", "early")).code).toBe(0);
  expect((await daemon.service("slow")).state).toBe("starting");
  await drop("tried", crasher(5, { type: "oneshot", auto_restart: false }));
  await drop("anyway", sleeper({ dependencies: [{ unit: "tried", condition: "completed" }] }));
  expect((await daemon.sup("start", "anyway")).code).toBe(0);
  expect((await daemon.service("tried")).exit_code).toBe(5);
});

test("what is not required orders only: its failure and its absence hold nothing up", async () => {
  const { daemon } = shared;
  await drop("extra", crasher(1, { type: "oneshot", auto_restart: false }));
  await drop("goes-on", sleeper({ dependencies: [{ unit: "extra", required: false }, { unit: "nowhere", required: false }] })); // prettier-ignore
  expect((await daemon.sup("start", "goes-on")).code).toBe(0);
});

test("stop warns of the dependents and stops that unit only; --cascade stops them first, in reverse", async () => {
  const { daemon } = shared;
  await drop("base", sleeper());
  await drop("middle", sleeper({ dependencies: ["base"] }));
  await drop("top", sleeper({ dependencies: ["middle"] }));
  expect((await daemon.sup("start", "top")).code).toBe(0);
  const alone = await daemon.sup("stop", "base");
  expect({ code: alone.code, warns: /go on running; --cascade stops/.test(alone.stderr + alone.stdout) }).toEqual({ code: 0, warns: true });
  expect((await daemon.service("middle")).state).toBe("running");
  expect((await daemon.service("top")).state).toBe("running");
  await daemon.sup("start", "base");
  const planned = await daemon.sup("stop", "base", "--cascade", "--dry-run");
  expect(planned.stdout.indexOf("top")).toBeLessThan(planned.stdout.indexOf("middle"));
  expect((await daemon.service("base")).state).toBe("running");
  const stopped = await daemon.sup("stop", "base", "--cascade");
  expect(stopped.code).toBe(0);
  const named = (text: string): string[] => [...text.matchAll(/\b(base|middle|top)\b/g)].map(([name]) => name);
  expect(named(stopped.stdout)).toEqual(["top", "middle", "base"]);
  const stops = await order("stopped", "base", "middle", "top");
  expect(stops.slice(-3)).toEqual(["top", "middle", "base"]);
});

test("a stop in reverse order waits for a dependent that takes its time", async () => {
  const { daemon } = shared;
  await drop("below", sleeper());
  const script = `trap '' TERM; echo up; while [ ! -e '${gateOf("tough")}' ]; do sleep 0.02; done`;
  await drop("tough", { command: "/bin/sh", args: ["-c", script], dependencies: ["below"], graceful_shutdown: { timeout: 60 } });
  await daemon.sup("start", "tough");
  await until(() => daemon.log("tough").includes("up"), { what: "the trap to be set" });
  const stopping = daemon.sup("stop", "below", "--cascade");
  const seen = await daemon.reaches("tough", "stopping");
  const below = await daemon.service("below");
  expect({ tough: seen.state, below: below.pid !== null }).toEqual({ tough: "stopping", below: true });
  writeFileSync(gateOf("tough"), "");
  expect((await stopping).code).toBe(0);
  expect(await order("stopped", "below", "tough")).toEqual(["tough", "below"]);
});

test("with restart: true a dependent restarts when its dependency does; without it, it goes on", async () => {
  const { daemon } = shared;
  await drop("source", sleeper({ restart_policy: { retry_delay: 0.02 } }));
  await drop("bound", sleeper({ dependencies: [{ unit: "source", restart: true }] }));
  await drop("loose", sleeper({ dependencies: ["source"] }));
  await daemon.sup("start", "bound", "loose");
  const [source, bound, loose] = await Promise.all(["source", "bound", "loose"].map((id) => daemon.service(id)));
  process.kill(source!.pid!, "SIGKILL");
  await daemon.reaches("bound", (row) => row.state === "running" && row.pid !== bound!.pid);
  expect((await daemon.service("source")).pid).not.toBe(source!.pid);
  expect((await daemon.service("loose")).pid).toBe(loose!.pid);
});

// Without a limit the processes are set up at the same time, and which of them is heard of first is open.
test("units that dependencies leave free start in the order of their priority, one after the other where only one may start", async () => {
  const priorities = { "p-late": 300, "p-first": 1, "p-middle": 50 };
  const units = Object.fromEntries(Object.entries(priorities).map(([name, priority]) => [name, marker("%S/priorities", { priority })]));
  await using daemon = await startDaemon({ settings: { start_concurrency: 1 }, units });
  expect((await daemon.sup("start", "p-late", "p-first", "p-middle")).code).toBe(0);
  expect(await Bun.file(join(daemon.home, "state/priorities")).text()).toBe("p-first\np-middle\np-late\n");
});

test("a start of many starts each once, what is needed by several too", async () => {
  const { daemon } = shared;
  const file = join(daemon.home, "diamond");
  await drop("d-root", marker(file, { remain_after_exit: true }));
  await drop("d-left", marker(file, { dependencies: ["d-root"], remain_after_exit: true }));
  await drop("d-right", marker(file, { dependencies: ["d-root"], remain_after_exit: true }));
  await drop("d-top", marker(file, { dependencies: ["d-left", "d-right"], remain_after_exit: true }));
  expect((await daemon.sup("start", "d-top")).code).toBe(0);
  const lines = (await Bun.file(file).text()).trim().split("\n");
  expect(lines[0]).toBe("d-root");
  expect(lines.slice(1, 3).toSorted()).toEqual(["d-left", "d-right"]);
  expect(lines[3]).toBe("d-top");
  expect(lines.length).toBe(4);
});

test("at boot a dependent waits for an enabled dependency that fails at first", async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const gate = join(daemon.home, "gate");
  const db = {
    command: "/bin/sh",
    args: ["-c", `[ -e '${gate}' ] || exit 1; exec sleep 1000`],
    health_check: { type: "exec", command: "test", args: ["-e", gate], interval: 0.1, start_interval: 0.1 },
    restart_policy: { retry_delay: 0.05, backoff_multiplier: 1, max_retries: -1 },
  };
  daemon.writeUnit("db", { ...db, enabled: true });
  daemon.writeUnit("web", sleeper({ enabled: true, dependencies: ["db"] }));
  await daemon.start();
  await daemon.reaches("db", (row) => row.restart_count >= 2);
  expect(await daemon.service("web")).toMatchObject({ state: "starting", pid: null });
  writeFileSync(gate, "");
  await daemon.reaches("web", "running");
});

test("a missing dependency and a cycle are load errors that say the name and the path, and harm nobody else", async () => {
  const { daemon } = shared;
  await drop("bystander", sleeper({ dependencies: [] }));
  daemon.writeUnit("needy", sleeper({ dependencies: ["bystandr"] }));
  daemon.writeUnit("cycle-a", sleeper({ dependencies: ["cycle-b"] }));
  daemon.writeUnit("cycle-b", sleeper({ dependencies: ["cycle-c"] }));
  daemon.writeUnit("cycle-c", sleeper({ dependencies: ["cycle-a"] }));
  const { code, stderr } = await daemon.sup("reload");
  expect(code).toBe(1);
  expect(stderr).toMatch(/needy\.unit\.json:\d+:\d+.*bystandr/);
  expect(stderr).toContain("bystander"); // did you mean
  expect(stderr).toMatch(
    /cycle-a → cycle-b → cycle-c → cycle-a|cycle-b → cycle-c → cycle-a → cycle-b|cycle-c → cycle-a → cycle-b → cycle-c/,
  );
  expect((await daemon.sup("start", "cycle-a")).code).toBe(4);
  expect((await daemon.sup("start", "bystander")).code).toBe(0);
  const notes = ((await daemon.json("daemon", "status")) as { notes: string[] }).notes.join("\n");
  expect(notes).toContain("needy.unit.json");
  for (const name of ["needy", "cycle-a", "cycle-b", "cycle-c"]) daemon.removeUnit(name);
});

test("a running unit whose dependency crashes goes on", async () => {
  const { daemon } = shared;
  await drop("frail", crashesWhen(gateOf("frail"), 1, { auto_restart: false }));
  await drop("steady", sleeper({ dependencies: ["frail"] }));
  await daemon.sup("start", "steady");
  const { pid } = await daemon.service("steady");
  writeFileSync(gateOf("frail"), "");
  await daemon.reaches("frail", "failed");
  expect(await daemon.service("steady")).toMatchObject({ state: "running", pid });
});

/** SIGKILL of the daemon: services go on, and the next daemon goes on with them. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Service } from "../../../src/api/contract/shapes.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { alive, processesOf } from "../../harness/processes.ts";
import { crasher, crashesWhen, sleeper, worker } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const sh = (script: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  command: "/bin/sh",
  args: ["-c", script],
  ...more,
});

/** The command lines of what runs there, but for sup. */
const services = (home: string): string[] => processesOf(home).map(({ command }) => command).filter((one) => !/ daemon|^sup-(keeper|spawn)/.test(one)); // prettier-ignore

test("the next daemon adopts what runs: the same pids, no second copy, and what was stopped stays so", async () => {
  await using daemon = await startDaemon({
    units: { web: sleeper({ enabled: true }), halted: sleeper({ enabled: true, args: ["1001"] }), manual: sleeper({ args: ["1002"] }) },
  });
  const { pid } = await daemon.reaches("web", "running");
  await daemon.reaches("halted", "running");
  await daemon.sup("start", "manual");
  await daemon.sup("stop", "halted");
  const manual = await daemon.service("manual");
  await daemon.crash();
  expect(alive(pid!)).toBe(true);
  expect(alive(manual.pid!)).toBe(true);
  await daemon.start();
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid, restart_count: 0 });
  expect(await daemon.service("manual")).toMatchObject({ state: "running", pid: manual.pid });
  expect(await daemon.service("halted")).toMatchObject({ state: "stopped", reason: "operator", pid: null });
  expect(services(daemon.home).toSorted()).toEqual(["sleep 1000", "sleep 1002"]);

  // adopted is not merely seen: it is watched, stopped and restarted as any other
  process.kill(pid!, "SIGKILL");
  const back = await daemon.reaches("web", (row) => row.state === "running" && row.pid !== pid);
  expect(back.restart_count).toBe(1);
  expect((await daemon.sup("stop", "manual")).code).toBe(0);
  expect(alive(manual.pid!)).toBe(false);
});

test("killed while it stopped everything in order, as by a container engine that waits no longer: enabled units start again", async () => {
  const deaf = sh("trap '' TERM; echo deaf; while :; do sleep 0.1; done", { enabled: true, graceful_shutdown: { timeout: 60 } });
  const units = { deaf, web: sleeper({ enabled: true, dependencies: ["deaf"] }), halted: sleeper({ enabled: true, args: ["1001"] }) };
  await using daemon = await startDaemon({ units });
  for (const id of Object.keys(units)) await daemon.reaches(id, "running");
  await until(() => daemon.log("deaf").includes(" F deaf\n"), { what: "the trap to be set" });
  await daemon.sup("stop", "halted");
  const { pid } = await daemon.service("deaf");
  process.kill(daemon.pid, "SIGTERM");
  await daemon.reaches("web", "stopped");
  await daemon.reaches("deaf", "stopping");
  await daemon.crash();
  await daemon.start();
  process.kill(pid!, "SIGKILL");
  await daemon.reaches("web", "running");
  expect((await daemon.service("deaf")).pid).not.toBe(pid);
  expect(await daemon.service("halted")).toMatchObject({ state: "stopped", reason: "operator" });
  daemon.writeUnit("deaf", { ...deaf, graceful_shutdown: { timeout: 0.1 } });
  await daemon.sup("reload");
});

test("lines that a service wrote while there was no daemon are in its log, each once", async () => {
  const gate = "%S/gate";
  const script = `i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo "line $i"; done; while [ ! -e '${gate}' ]; do sleep 0.02; done
    while [ $i -lt 400 ]; do i=$((i+1)); echo "line $i"; done; touch '${gate}.done'; exec sleep 1000`;
  await using daemon = await startDaemon({ units: { talker: sh(script, { enabled: true }) } });
  await until(() => daemon.log("talker").includes("line 200\n"), { what: "the first lines" });
  await daemon.crash();
  writeFileSync(join(daemon.home, "state/gate"), "");
  await until(() => existsSync(join(daemon.home, "state/gate.done")), { what: "the lines to be written" });
  expect(daemon.log("talker")).not.toContain("line 201");
  await daemon.start();
  await until(() => daemon.log("talker").includes("line 400\n"), { what: "the lines written meanwhile" });
  const lines = [...daemon.log("talker").matchAll(/ F line (\d+)\n/g)].map(([, n]) => Number(n));
  expect(lines).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
});

test("what ended while there was no daemon is treated by its policy", async () => {
  await using daemon = await startDaemon();
  const gate = join(daemon.home, "gate");
  daemon.writeUnit("keeps", crashesWhen(gate, 1, { restart_policy: { retry_delay: 0.05, max_retries: 1 } }));
  daemon.writeUnit("once", crashesWhen(gate, 1, { auto_restart: false }));
  await daemon.reaches("once", () => true);
  await daemon.reaches("keeps", () => true);
  await daemon.sup("start", "keeps", "once");
  const pids = [(await daemon.service("keeps")).pid!, (await daemon.service("once")).pid!];
  await daemon.crash();
  writeFileSync(gate, "");
  await until(() => !pids.some(alive), { what: "both to end" });
  await daemon.start();
  expect(await daemon.reaches("keeps", "fatal")).toMatchObject({ retries: 1 });
  expect((await daemon.reaches("once", "failed")).restart_count).toBe(0);
});

test("a back-off goes on: the same retry, at the time that was promised", async () => {
  const restart_policy = { retry_delay: 4, max_retries: 3 }; // a busy machine takes its time for another daemon
  await using daemon = await startDaemon({ units: { flapping: crasher(1, { enabled: true, restart_policy }) } });
  const before = await daemon.reaches("flapping", "backoff");
  await daemon.crash();
  await daemon.start();
  const after = await daemon.service("flapping");
  expect({ state: after.state, retries: after.retries }).toEqual({ state: "backoff", retries: 1 });
  // A daemon that is held up between its two looks at clocks tells a moment that is off by that.
  const same = ({ next_attempt }: Service): boolean => Math.abs(Date.parse(next_attempt!) - Date.parse(before.next_attempt!)) < 50;
  await daemon.reaches("flapping", same);
  await daemon.reaches("flapping", (row) => row.retries === 2);
  const [first, second] = await eventsOf(daemon, "flapping", "started");
  expect(Date.parse(second!.timestamp) - Date.parse(first!.timestamp)).toBeGreaterThanOrEqual(3990);
  const waits = await eventsOf(daemon, "flapping", "backoff");
  expect(waits.map(({ details }) => details.delay_ms)).toEqual([4000, 8000]);
});

test("a unit that was given up stays fatal, and one that was being stopped is stopped", async () => {
  const slow = sh("trap '' TERM; echo up; while :; do sleep 0.02; done", { graceful_shutdown: { timeout: 4 }, enabled: true });
  await using daemon = await startDaemon({
    units: { bad: crasher(1, { enabled: true, restart_policy: { max_retries: 0 } }), slow },
  });
  await daemon.reaches("bad", "fatal");
  await until(() => daemon.log("slow").includes("up"), { what: "the trap to be set" });
  const { pid } = await daemon.service("slow");
  await daemon.sup("stop", "slow", "--no-wait");
  await daemon.reaches("slow", "stopping");
  await daemon.crash();
  await daemon.start();
  expect((await daemon.service("bad")).state).toBe("fatal");
  expect(await daemon.reaches("slow", "stopped")).toMatchObject({ reason: "operator" });
  expect(alive(pid!)).toBe(false);
});

test("a pre_start that ran when the daemon died is ended before the unit is tried again", async () => {
  const pids = "%S/pids";
  const pre_start = [sh(`mkdir -p '${pids}'; : >'${pids}/'$$; [ -e '%S/gate' ] || exec sleep 1000`)];
  await using daemon = await startDaemon({
    units: { web: { ...worker({ enabled: true }), pre_start, restart_policy: { retry_delay: 0.05 } } },
  });
  const directory = join(daemon.home, "state/pids");
  const [first] = await until(() => existsSync(directory) && readdirSync(directory).length === 1 && readdirSync(directory), {
    what: "the hook",
  });
  await daemon.crash();
  writeFileSync(join(daemon.home, "state/gate"), "");
  await daemon.start();
  await daemon.reaches("web", "running");
  expect(alive(Number(first))).toBe(false);
});

test("a post_stop that ran when the daemon died is ended before the next run begins", async () => {
  const post_stop = [sh(`echo $$ >'%S/hook'; [ -e '%S/gate' ] || exec sleep 1000`)];
  await using daemon = await startDaemon({
    units: { web: { ...sleeper({ enabled: true }), post_stop, restart_policy: { retry_delay: 0.05 } } },
  });
  const { pid } = await daemon.reaches("web", "running");
  process.kill(pid!, "SIGKILL");
  const file = join(daemon.home, "state/hook");
  const hook = await until(() => existsSync(file) && Number(readFileSync(file, "utf8")), { what: "the hook" });
  await daemon.crash();
  writeFileSync(join(daemon.home, "state/gate"), "");
  await daemon.start();
  await daemon.reaches("web", "running");
  expect(alive(hook)).toBe(false);
});

test("what a main process left behind, and the daemon was ending when it died, is ended before the next run begins", async () => {
  const script = `(trap '' TERM; sh -c 'echo $PPID' >'%S/child'; exec sleep 1004) & while [ ! -e '%S/gate' ]; do sleep 0.02; done; rm '%S/gate'; exit 1`;
  const unit = sh(script, { enabled: true, restart_policy: { retry_delay: 0.05 }, graceful_shutdown: { timeout: 30 } });
  await using daemon = await startDaemon({ units: { web: unit } });
  const file = join(daemon.home, "state/child");
  const child = await until(() => existsSync(file) && Number(readFileSync(file, "utf8")), { what: "the child" });
  const { pid } = await daemon.reaches("web", "running");
  writeFileSync(join(daemon.home, "state/gate"), "");
  await daemon.reaches("web", (row) => row.sub_state === "cleaning");
  await daemon.crash();
  await daemon.start();
  await daemon.reaches("web", (row) => row.state === "running" && row.pid !== pid);
  expect(alive(child)).toBe(false);
  // The next run's child would delay the stop for 30 s. Its pid may not be in the file yet, and kill(0) would end this process.
  const next = await until(() => [Number(readFileSync(file, "utf8"))].find((one) => one > 0 && one !== child), { what: "the next child" });
  process.kill(next, "SIGKILL");
});

test("a child that outlived its main process while there was no daemon is ended before the restart", async () => {
  const script = `sleep 1003 & echo $! >"%S/child"; wait`;
  await using daemon = await startDaemon({ units: { web: sh(script, { enabled: true, restart_policy: { retry_delay: 0.05 } }) } });
  const file = join(daemon.home, "state/child");
  const child = await until(() => existsSync(file) && Number(readFileSync(file, "utf8")), { what: "the child" });
  const { pid } = await daemon.reaches("web", "running");
  await daemon.crash();
  process.kill(pid!, "SIGKILL");
  await until(() => !alive(pid!), { what: "the main process to end" });
  await daemon.start();
  await daemon.reaches("web", (row) => row.state === "running" && row.pid !== pid);
  expect(alive(child)).toBe(false);
});

test("enablement, history and numbers survive a crash", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ restart_policy: { retry_delay: 0.02 } }) } });
  await daemon.sup("enable", "--now", "web");
  const { pid } = await daemon.service("web");
  process.kill(pid!, "SIGKILL");
  await daemon.reaches("web", (row) => row.restart_count === 1 && row.state === "running");
  const before = (await eventsOf(daemon, "web")).map(({ id }) => id);
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("web")).toMatchObject({ enabled: true, restart_count: 1, last_exit: "killed by SIGKILL" });
  expect((await eventsOf(daemon, "web")).slice(0, before.length).map(({ id }) => id)).toEqual(before);
});

test("an instance that was started and never enabled is adopted too", async () => {
  await using daemon = await startDaemon({ units: { "job@": sleeper() } });
  expect((await daemon.sup("start", "job@1")).code).toBe(0);
  const { pid } = await daemon.service("job@1");
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("job@1")).toMatchObject({ state: "running", pid });
  expect((await daemon.sup("stop", "job@1")).code).toBe(0);
  expect(alive(pid!)).toBe(false);
});

test("a unit whose file went bad, changed or went away while there was no daemon goes on with what it was started with", async () => {
  await using daemon = await startDaemon({
    units: {
      gone: sleeper({ enabled: true }),
      bad: sleeper({ enabled: true, args: ["1001"] }),
      changed: sleeper({ enabled: true, args: ["1002"] }),
    },
  });
  const pids: Record<string, number> = {};
  for (const id of ["gone", "bad", "changed"]) pids[id] = (await daemon.reaches(id, "running")).pid!;
  await daemon.crash();
  daemon.removeUnit("gone");
  daemon.writeUnit("bad", "{ this is no JSON");
  daemon.writeUnit("changed", sleeper({ enabled: true, args: ["1003"] }));
  await daemon.start();
  for (const id of ["gone", "bad", "changed"]) {
    expect(await daemon.service(id)).toMatchObject({ state: "running", pid: pids[id]!, changed_on_disk: true });
  }
  // supervised as before: it comes back, as the last good version says
  process.kill(pids.bad!, "SIGKILL");
  const back = await daemon.reaches("bad", (row) => row.state === "running" && row.pid !== pids.bad);
  // The kernel puts the arguments in place a moment after the old program is gone.
  const command = await until(() => readFileSync(`/proc/${back.pid}/cmdline`, "latin1"), { what: "its command line" });
  expect(command.split("\0").slice(0, 2)).toEqual(["sleep", "1001"]);
  // and a reload takes up what the files say
  const { stdout } = await daemon.sup("reload", "--json"); // its code is 1: a file has errors
  const plan = JSON.parse(stdout) as { units: Array<{ id: string; action: string }> };
  expect(plan.units.map(({ id, action }) => [id, action])).toEqual([["bad", "keep"], ["changed", "restart"], ["gone", "stop"]]); // prettier-ignore
  await daemon.reaches("changed", (row) => row.state === "running" && row.pid !== pids.changed);
  await until(() => !alive(pids.gone!), { what: "the removed unit to end" });
});

test.each(["SIGUSR2", "the API"])("%s: the daemon ends alone and in good order; the next one adopts its services", async (asked) => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  if (asked === "SIGUSR2") process.kill(daemon.pid, "SIGUSR2");
  else expect((await daemon.api("/api/supervisor/shutdown?leave=true", { method: "POST" })).status).toBe(202);
  expect(await daemon.exited).toBe(0);
  expect(alive(pid!)).toBe(true);
  expect(existsSync(daemon.socket)).toBe(false);
  await daemon.start();
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid, restart_count: 0 });
  const [left] = await eventsOf(daemon, "", "daemon-left");
  expect(left!.message).toContain(asked);
});

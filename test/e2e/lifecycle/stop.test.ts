/** A stop ends all processes of a unit and reports which ones needed SIGKILL. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventsOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { forker, sleeper, stubborn, worker, type UnitFile } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();
const { drop } = shared;

const sh = (script: string, more: UnitFile = {}): UnitFile => ({ command: "/bin/sh", args: ["-c", script], ...more });
const home = (file: string): string => join(shared.daemon.home, file);
const pidIn = (file: string): Promise<number> =>
  until(() => existsSync(file) && Number(readFileSync(file, "utf8")), { what: `a pid in ${file}` });

test("a process that ignores SIGTERM gets SIGKILL after the timeout, and the event names it", async () => {
  const { daemon } = shared;
  await drop("stubborn", stubborn({ graceful_shutdown: { timeout: 0.3 } }));
  await daemon.sup("start", "stubborn");
  const { pid } = await daemon.service("stubborn");
  await until(() => daemon.log("stubborn").includes("up"), { what: "the trap to be set" });
  const { code, stdout } = await daemon.sup("stop", "stubborn");
  expect(code).toBe(0);
  expect(stdout).toContain(`needed SIGKILL: sh (${pid})`);
  const [stopped] = await eventsOf(daemon, "stubborn", "stopped");
  expect(stopped?.message).toContain(`needed SIGKILL: sh (${pid})`);
  expect(stopped?.details.killed).toContain(`sh (${pid})`);
  expect((await eventsOf(daemon, "stubborn", "killed"))[0]?.message).toMatch(/did not stop within 300\s?ms; sending SIGKILL/);
});

test("a child that ignores SIGTERM and outlives the main process is killed, and only it is named", async () => {
  const { daemon } = shared;
  const script = `trap 'exit 0' TERM; (trap '' TERM; echo set; exec sleep 999) & echo $! >'${home("child.pid")}'; wait; wait`;
  await drop("parent", sh(script, { graceful_shutdown: { timeout: 2 } }));
  await daemon.sup("start", "parent");
  const child = await pidIn(home("child.pid"));
  await until(() => daemon.log("parent").includes("set"), { what: "the child's trap to be set" });
  expect((await daemon.sup("stop", "parent")).code).toBe(0);
  expect(alive(child)).toBe(false);
  expect((await eventsOf(daemon, "parent", "stopped"))[0]?.details.killed).toEqual([`sleep (${child})`]);
});

test("a double-forked process in its own session belongs to the unit", async () => {
  const { daemon } = shared;
  const script = `(setsid sh -c 'sleep 998 & echo $! >"${home("double.pid")}"' &) ; echo up; exec sleep 997`;
  await drop("double", sh(script));
  await daemon.sup("start", "double");
  const daemonized = await pidIn(home("double.pid"));
  const seen = await until(async () => (await daemon.sup("status", "double")).stdout.includes(String(daemonized)), {
    what: "it in status",
  });
  expect(seen).toBe(true);
  expect((await daemon.sup("stop", "double")).code).toBe(0);
  expect(alive(daemonized)).toBe(false);
});

test("remaining processes of a crashed run are ended before the next run starts", async () => {
  const { daemon } = shared;
  await drop("forker", forker(home("forked.pid"), { restart_policy: { retry_delay: 0.02 } }));
  await daemon.sup("start", "forker");
  const forked = await pidIn(home("forked.pid"));
  const { pid } = await daemon.service("forker");
  process.kill(pid!, "SIGKILL");
  await daemon.reaches("forker", (row) => row.state === "running" && row.pid !== pid);
  expect(alive(forked)).toBe(false);
  await daemon.sup("stop", "forker");
});

/** Main process and child log the signal that they receive; the child runs until then. */
const LOGS_SIGNALS = `(trap 'echo child heard; exit 0' TERM; echo child up; while :; do sleep 0.02; done) &
trap 'echo main heard; exit 0' TERM; echo main up; while :; do sleep 0.02; done`;

test.each([
  ["group", true, "the signal goes to the whole tree"],
  ["mixed", false, "the signal goes to the main process, SIGKILL to the rest"],
  ["process", false, "the signal goes to the main process, the rest gets SIGKILL at the timeout"],
] as const)("kill_mode %s: %#", async (kill_mode, childSignalled) => {
  const { daemon } = shared;
  const name = `mode-${kill_mode}`;
  await drop(name, sh(LOGS_SIGNALS, { graceful_shutdown: { kill_mode, timeout: 2 } }));
  await daemon.sup("start", name);
  await until(() => /child up[^]*main up|main up[^]*child up/.test(daemon.log(name)), { what: "both to be up" });
  expect((await daemon.sup("stop", name)).code).toBe(0);
  expect(daemon.log(name)).toContain("main heard");
  expect(daemon.log(name).includes("child heard")).toBe(childSignalled);
});

test("with the graceful stop disabled SIGKILL is sent immediately; a configured signal is sent instead of SIGTERM", async () => {
  const { daemon } = shared;
  await drop("abrupt", worker({ graceful_shutdown: { enabled: false } }));
  await drop("hup", sh("trap 'echo got hup; exit 0' HUP; trap '' TERM; echo up; while :; do sleep 0.02; done", { graceful_shutdown: { signal: "SIGHUP" } })); // prettier-ignore
  await daemon.sup("start", "abrupt", "hup");
  await until(() => daemon.log("abrupt").includes("up") && daemon.log("hup").includes("up"), { what: "both to be up" });
  expect((await daemon.sup("stop", "abrupt", "hup")).code).toBe(0);
  expect(daemon.log("abrupt")).not.toContain("bye");
  expect(daemon.log("hup")).toContain("got hup");
});

test("kill sends one signal to the main process, and the restart policy applies to the exit", async () => {
  const { daemon } = shared;
  await drop("signalled", sleeper({ restart_policy: { retry_delay: 0.02 } }));
  await daemon.sup("start", "signalled");
  const { pid } = await daemon.service("signalled");
  expect((await daemon.sup("kill", "-s", "USR1", "signalled")).code).toBe(0);
  const back = await daemon.reaches("signalled", (row) => row.state === "running" && row.pid !== pid);
  expect(back.last_exit).toBe("killed by SIGUSR1");
  expect((await daemon.sup("kill", "-s", "NONSENSE", "signalled")).code).toBe(2);
  await daemon.sup("stop", "signalled");
});

test("the exit of the main process is noticed although a grandchild keeps its output open", async () => {
  const { daemon } = shared;
  await drop("leaver", sh("sleep 996 & exit 0", { graceful_shutdown: { timeout: 60 } }));
  await daemon.sup("start", "leaver");
  expect(await daemon.reaches("leaver", "stopped")).toMatchObject({ reason: "success" });
});

test("two concurrent stops both wait until the unit is down; a start during the stop follows it", async () => {
  const { daemon } = shared;
  await drop("busy", stubborn({ graceful_shutdown: { timeout: 0.3 } }));
  await daemon.sup("start", "busy");
  await until(() => daemon.log("busy").includes("up"), { what: "the trap to be set" });
  const codes = await Promise.all([daemon.sup("stop", "busy"), daemon.sup("stop", "busy")]);
  expect(codes.map(({ code }) => code)).toEqual([0, 0]);
  await daemon.sup("start", "busy");
  const { pid } = await daemon.service("busy");
  await daemon.sup("stop", "busy", "--no-wait");
  expect((await daemon.sup("start", "busy")).code).toBe(0);
  const again = await daemon.service("busy");
  expect({ state: again.state, alive: alive(pid!) }).toEqual({ state: "running", alive: false });
  await daemon.sup("stop", "busy");
});

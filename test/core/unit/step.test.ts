import { describe, expect, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import type { UnitEvent } from "../../../src/core/unit/events.ts";
import { stateOf, subStateOf } from "../../../src/core/unit/phase.ts";
import { code, hook, killedBy, makeSpec, ref, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));
const CHECKED: SpecParts = { check: {} };

describe("starting", () => {
  test("a simple unit is running once the command has been exec'd", () => {
    const m = machine().start();
    expect(m.phase).toBe("waiting");
    m.clear();
    expect([m.phase, m.acts]).toEqual(["starting", ["spawn"]]);
    m.spawned();
    expect([m.phase, m.told, m.unit.process, m.unit.due]).toEqual(["running", ["started", "running"], ref(1001), null]);
  });

  test.each([["a check", CHECKED], ["notify", { type: "notify" } as const]])("with %s it is `starting` until it is ready", (_, parts) => {
    const m = machine(parts).start().clear().spawned();
    expect([m.phase, stateOf(m.unit), m.dueInMs]).toEqual(["starting", "starting", 60_000]);
    m.pass(2500).ready();
    expect([m.phase, m.unit.readyAtMs, m.unit.due]).toEqual(["running", 2500, null]);
  });

  test("pre_start runs before the command, and its end starts it", () => {
    const m = machine({ preStart: [hook(1000), hook(2000)] }).start().clear();
    expect([m.phase, m.acts, m.dueInMs]).toEqual(["preparing", ["prepare"], 8000]);
    expect([m.prepared().phase, m.acts, m.dueInMs]).toEqual(["starting", ["spawn"], 60_000]);
  });

  test("each launch takes the next run number", () => {
    const m = machine({ restart: { retryDelayMs: 0 } }).up();
    expect(m.unit.run).toBe(1);
    expect(m.ends(1).clear().unit.run).toBe(2);
  });

  test("a start of what is up or coming changes nothing", () => {
    for (const m of [machine().start(), machine().start().clear(), machine().up()]) {
      const before = m.unit;
      expect(m.start().unit).toBe(before);
    }
  });

  test("a oneshot without start_timeout has no deadline", () => {
    expect(machine({ type: "oneshot" }).start().clear().unit.due).toBeNull();
  });

  test("a oneshot that is not done within the start_timeout that was written is a failed start", () => {
    const m = machine({ type: "oneshot", startTimeoutMs: 5000 }).up();
    expect([m.phase, m.dueInMs]).toEqual(["running", 5000]);
    expect([m.due().phase, m.told]).toEqual(["stopping", ["start-failed", "stopping"]]);
    expect([m.ends(0).phase, m.unit.reason]).toEqual(["backoff", "timeout"]);
  });
});

describe("a failed start", () => {
  test("pre_start failure is a failed start", () => {
    const m = machine({ preStart: [hook()] }).start().clear().prepared("pre_start hook: exit code 1");
    expect([m.phase, m.acts]).toEqual(["cleaning", ["sweep 15"]]);
    expect([m.swept().phase, m.unit.ledger.retries, m.unit.reason, m.unit.last?.detail]).toEqual(["backoff", 1, "exit-code", "pre_start hook: exit code 1"]);
  });

  test("pre_start that does not end in time is a failed start", () => {
    const m = machine({ preStart: [hook(1000)] }).start().clear().due();
    expect([m.nowMs, m.phase, m.acts]).toEqual([6000, "stopping", ["signal 15 group"]]);
    expect(m.prepared("stopped").swept().phase).toBe("backoff");
  });

  test("a command that cannot be executed is a failed start, with the cause in words", () => {
    const m = machine().start().clear().spawnFailed("cannot execute ./serve: no such file or directory (ENOENT)");
    expect([m.phase, m.told, m.acts]).toEqual(["cleaning", ["start-failed"], ["sweep 15"]]);
    expect([m.swept().phase, m.unit.reason, m.unit.last?.detail]).toEqual(["backoff", "spawn", "cannot execute ./serve: no such file or directory (ENOENT)"]);
  });

  test("a shortage of our own has its own reason", () => {
    expect(machine().start().clear().spawnFailed("cannot fork", true).swept().unit.reason).toBe("resources");
  });

  test("not ready by start_timeout is a failed start, never ready anyway", () => {
    const m = machine({ ...CHECKED, restart: { maxRetries: 0 } }).start().clear().spawned().due();
    expect([m.nowMs, m.phase, m.told]).toEqual([60_000, "stopping", ["start-failed", "stopping"]]);
    expect([m.ready().phase, m.ends(0).phase, m.unit.reason]).toEqual(["stopping", "fatal", "timeout"]);
  });

  test("an exit before it is ready is treated by its code", () => {
    const m = machine(CHECKED).start().clear().spawned().ends(1);
    expect([m.phase, m.unit.reason, m.unit.ledger.retries]).toEqual(["backoff", "exit-code", 1]);
  });
});

describe("restart after failure", () => {
  test("delays 10, 20, 40, 80, 160 seconds, then fatal", () => {
    const m = machine({ restart: { retryDelayMs: 10_000 } }).up();
    const delays: Array<number | null> = [];
    for (m.ends(1); m.phase === "backoff"; m.due().clear().spawned().ends(1)) delays.push(m.dueInMs);
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000]);
    expect([m.phase, m.unit.due, m.unit.want, m.unit.restarts]).toEqual(["fatal", null, "up", 5]);
  });

  test("retry_delay 0 restarts at once", () => {
    const m = machine({ restart: { retryDelayMs: 0 } }).up().ends(1);
    expect([m.phase, m.told]).toEqual(["waiting", ["backoff"]]);
  });

  test("auto_restart off: failed", () => {
    const m = machine({ restart: { autoRestart: false } }).up().ends(3);
    expect([m.phase, m.unit.reason, m.unit.due]).toEqual(["failed", "exit-code", null]);
  });

  test("an exit code that forbids it: failed", () => {
    expect(machine({ restart: { noRestartExitCodes: [78] } }).up().ends(78).phase).toBe("failed");
  });

  test("the count returns to 0 after reset_after seconds of running", () => {
    const m = machine().up().ends(1).due().clear().spawned();
    expect(m.unit.ledger.retries).toBe(1);
    expect(m.pass(60_000).ends(1).unit.ledger.retries).toBe(1);
    m.due().clear().spawned().pass(59_999).ends(1);
    expect(m.unit.ledger.retries).toBe(2);
  });

  test("the count returns to 0 after reset_after also when a restart, not a failure, ends the run", () => {
    const m = machine().up().ends(1).due().clear().spawned().pass(60_000);
    m.restart("dependency").ends(0).clear().spawned();
    expect(m.unit.ledger.retries).toBe(0);
    expect([m.ends(1).phase, m.unit.ledger.retries]).toEqual(["backoff", 1]);
  });

  test("only `running` counts for reset_after, not `starting`", () => {
    const m = machine({ ...CHECKED, startTimeoutMs: 100_000, restart: { resetAfterMs: 10_000 } }).up().ends(1).due().clear().spawned();
    expect(m.pass(50_000).ends(1).unit.ledger.retries).toBe(2);
  });

  test("the ledger names the kind of end", () => {
    expect(machine().up().ends(killedBy(SIGNALS.SIGSEGV)).unit.reason).toBe("signal");
    expect(machine().up().ends({ kind: "signal", signal: 11, core: true }).unit.reason).toBe("core-dump");
    expect(machine().up().ends({ kind: "lost" }).unit.reason).toBe("unknown");
  });

  test.each(["health", "watchdog", "resources"] as const)("a run condemned for %s is stopped, its death uses up a retry", (by) => {
    const m = machine().up().condemned(by);
    expect([m.phase, m.told, m.acts]).toEqual(["stopping", ["unhealthy", "stopping"], ["signal 15 group"]]);
    expect([m.ends(0).phase, m.unit.ledger.retries, m.unit.reason]).toEqual(["backoff", 1, by]);
  });

  test("a second verdict on the same run does nothing", () => {
    const m = machine().up().condemned();
    const before = m.unit;
    expect([m.condemned("watchdog").unit, m.result?.kind]).toEqual([before, "ignored"]);
  });
});

describe("a clean exit", () => {
  test("leaves the unit stopped, with the reason success", () => {
    const m = machine().up().ends(0);
    expect([m.phase, m.unit.want, m.unit.reason, m.told]).toEqual(["idle", "down", "success", ["stopped"]]);
  });

  test("restart_on_exit waits retry_delay and uses up no retry", () => {
    const m = machine({ restart: { restartOnExit: true, maxRetries: 0, retryDelayMs: 3000 } }).up();
    for (let i = 0; i < 5; i++) {
      m.ends(0);
      expect([m.phase, m.dueInMs, m.unit.ledger.retries, m.unit.restarts]).toEqual(["backoff", 3000, 0, i]);
      m.due().clear().spawned();
    }
  });

  test("a oneshot has succeeded until it runs again", () => {
    const m = machine({ type: "oneshot" }).up().ends(0);
    expect([m.phase, m.unit.succeeded]).toEqual(["idle", true]);
    expect(m.start().unit.succeeded).toBeFalse();
  });

  test("remain_after_exit: a oneshot stays `running` after success", () => {
    const m = machine({ type: "oneshot", remainAfterExit: true }).up().ends(0);
    expect([m.phase, stateOf(m.unit), m.unit.want, m.unit.succeeded, m.unit.process]).toEqual(["exited", "running", "up", true, null]);
    expect([m.stop().phase, m.unit.want, m.release().phase, m.told]).toEqual(["exited", "down", "idle", ["stopped"]]);
    expect(m.unit.succeeded).toBeFalse();
  });

  test("remain_after_exit: after a failure it does not", () => {
    expect(machine({ type: "oneshot", remainAfterExit: true }).up().ends(1).phase).toBe("backoff");
  });

  test("remain_after_exit: a restart runs it again", () => {
    const m = machine({ type: "oneshot", remainAfterExit: true }).up().ends(0).restart();
    expect([m.phase, m.clear().acts, m.unit.restarts]).toEqual(["waiting", ["spawn"], 1]);
  });

  test("remain_after_exit: post_stop runs when it is stopped, not when the command ends", () => {
    const m = machine({ type: "oneshot", remainAfterExit: true, postStop: [hook()] }).up().exits(0).swept();
    expect(m.phase).toBe("exited");
    expect([m.stop().release().phase, m.acts, m.finished().phase]).toEqual(["finishing", ["finish"], "idle"]);
  });
});

describe("operator stop wins", () => {
  test("during backoff: stopped at once, and it does not come back", () => {
    const m = machine().up().ends(1).stop();
    expect([m.phase, m.unit.want, m.unit.due, m.unit.reason, m.told]).toEqual(["idle", "down", null, "operator", ["stopped"]]);
  });

  test("during waiting", () => {
    expect(machine().start().stop().phase).toBe("idle");
  });

  test("during pre_start: the commands are signalled and no command is run", () => {
    const m = machine({ preStart: [hook()] }).start().clear().stop();
    expect([m.phase, m.acts]).toEqual(["stopping", ["signal 15 group"]]);
    expect([m.prepared().phase, m.acts, m.swept().phase]).toEqual(["cleaning", ["sweep 0"], "idle"]);
  });

  test("during starting, before the command is exec'd: the signal goes after it", () => {
    const m = machine().start().clear().stop().release();
    expect([m.phase, m.acts]).toEqual(["stopping", ["signal 15 group"]]);
    expect([m.spawned().phase, m.unit.process, m.unit.want]).toEqual(["stopping", ref(1001), "down"]);
    expect(m.ends(0).phase).toBe("idle");
  });

  test("during starting, and the command cannot be executed", () => {
    expect(machine().start().clear().stop().release().spawnFailed().swept().phase).toBe("idle");
  });

  test("over becoming ready", () => {
    const m = machine(CHECKED).start().clear().spawned().stop().ready();
    expect([m.phase, m.unit.want, stateOf(m.unit), m.release().phase]).toEqual(["running", "down", "stopping", "stopping"]);
  });

  test("during stopping for a restart", () => {
    expect(machine().up().restart().stop().ends(0).phase).toBe("idle");
  });

  test("during stopping for lost health", () => {
    const m = machine().up().condemned().stop().ends(0);
    expect([m.phase, m.unit.reason, m.unit.ledger.retries]).toEqual(["idle", "operator", 0]);
  });

  test("over a crash that is being cleaned up", () => {
    expect(machine().up().exits(1).stop().swept().phase).toBe("idle");
  });

  test("over post_stop of a crash", () => {
    expect(machine({ postStop: [hook()] }).up().exits(1).swept().stop().finished().phase).toBe("idle");
  });

  test("over fatal_retry_after", () => {
    const m = machine({ restart: { maxRetries: 0, fatalRetryAfterMs: 1000 } }).up().ends(1);
    expect([m.phase, m.dueInMs]).toEqual(["fatal", 1000]);
    expect([m.stop().phase, m.unit.due, m.unit.want]).toEqual(["fatal", null, "down"]);
  });

  test("the wish is recorded before any signal", () => {
    const m = machine().up().stop();
    expect([m.unit.want, m.phase, m.acts, stateOf(m.unit), subStateOf(m.unit)]).toEqual(["down", "running", [], "stopping", "waiting for dependents"]);
    expect([m.release().phase, m.acts]).toEqual(["stopping", ["signal 15 group"]]);
  });

  test("a stop of what is down changes nothing", () => {
    expect(machine().stop().result?.kind).toBe("ignored");
  });
});

describe("operator start", () => {
  test("during backoff starts now and clears the count", () => {
    const m = machine().up().ends(1).due().clear().spawned().ends(1);
    expect([m.phase, m.unit.ledger.retries]).toEqual(["backoff", 2]);
    m.start();
    expect([m.phase, m.unit.ledger.retries, m.unit.due]).toEqual(["waiting", 0, null]);
  });

  test("ends fatal and failed, with a clean count", () => {
    const fatal = machine({ restart: { maxRetries: 1, retryDelayMs: 0 } }).up().ends(1).clear().spawned().ends(1);
    expect(fatal.phase).toBe("fatal");
    expect([fatal.start().phase, fatal.unit.ledger.retries]).toEqual(["waiting", 0]);
    expect(machine({ restart: { autoRestart: false } }).up().ends(1).start().phase).toBe("waiting");
  });

  test("takes back a stop that still waits for dependents", () => {
    const m = machine().up().stop().start();
    expect([m.phase, m.unit.want, m.release().phase]).toEqual(["running", "up", "running"]);
  });

  test("while it stops: it starts again as soon as it is down, without delay and with a clean count", () => {
    const m = machine().up().ends(1).due().clear().spawned().stop().release().start();
    expect([m.phase, m.unit.want]).toEqual(["stopping", "up"]);
    expect([m.ends(0).phase, m.unit.ledger.retries]).toEqual(["waiting", 0]);
  });

  test("start, stop, start, stop while it stops: the last one counts", () => {
    expect(machine().up().stop().release().start().stop().start().stop().ends(0).phase).toBe("idle");
    expect(machine().up().stop().release().start().stop().start().ends(0).phase).toBe("waiting");
  });
});

describe("operator restart", () => {
  test("of a running unit: stop signal, then start without delay, and no retry is used", () => {
    const m = machine().up().restart();
    expect([m.phase, m.acts, m.unit.want]).toEqual(["stopping", ["signal 15 group"], "up"]);
    expect([m.ends(killedBy(15)).phase, m.unit.ledger.retries, m.clear().unit.restarts, m.unit.run]).toEqual(["waiting", 0, 1, 2]);
  });

  test("of a running unit clears the count", () => {
    expect(machine().up().ends(1).due().clear().spawned().restart().unit.ledger.retries).toBe(0);
  });

  test.each(["idle", "failed", "fatal", "backoff"] as const)("of a unit that is %s starts it now", (phase) => {
    const policy = { idle: {}, failed: { autoRestart: false }, fatal: { maxRetries: 0 }, backoff: {} }[phase];
    const m = machine({ restart: policy }).up().ends(phase === "idle" ? 0 : 1);
    expect(m.phase).toBe(phase);
    expect([m.restart().phase, m.unit.want, m.unit.ledger.retries]).toEqual(["waiting", "up", 0]);
  });

  test("of a unit that never ran is not counted as a restart", () => {
    expect(machine().restart().clear().spawned().unit.restarts).toBe(0);
  });
});

describe("stopping", () => {
  const stopped = (parts: SpecParts): Machine => machine(parts).up().stop().release();

  test.each(["group", "mixed", "process"] as const)("kill_mode %s goes with the stop signal", (killMode) => {
    expect(stopped({ stop: { killMode, signal: SIGNALS.SIGINT } }).acts).toEqual([`signal 2 ${killMode}`]);
  });

  test("after the timeout the whole tree gets SIGKILL", () => {
    const m = stopped({ stop: { timeoutMs: 7000 } });
    expect(m.dueInMs).toBe(7000);
    expect([m.due().phase, m.acts, m.told]).toEqual(["killing", ["kill"], ["killed"]]);
  });

  test("SIGKILL is sent again until it is gone", () => {
    const m = stopped({}).due();
    for (let i = 0; i < 3; i++) expect([m.due().phase, m.acts]).toEqual(["killing", ["kill"]]);
    expect(m.ends(killedBy(9)).phase).toBe("idle");
  });

  test("a disabled graceful stop means SIGKILL at once", () => {
    const m = stopped({ stop: { graceful: false } });
    expect([m.phase, m.acts]).toEqual(["killing", ["kill"]]);
  });

  test.each([
    ["group", 0], // it had the signal already
    ["mixed", SIGNALS.SIGKILL],
    ["process", 0],
  ] as const)("what outlives the main process after a stop with kill_mode %s gets signal %d", (killMode, signal) => {
    expect(stopped({ stop: { killMode } }).exits(0).acts).toEqual([`sweep ${signal}`]);
  });

  test.each([
    ["group", SIGNALS.SIGTERM],
    ["mixed", SIGNALS.SIGKILL],
    ["process", 0],
  ] as const)("what outlives a main process that ended by itself with kill_mode %s gets signal %d", (killMode, signal) => {
    expect(machine({ stop: { killMode } }).up().exits(1).acts).toEqual([`sweep ${signal}`]);
  });

  test("what is left keeps the deadline of the stop, then gets SIGKILL", () => {
    const m = stopped({ stop: { timeoutMs: 5000 } }).pass(2000).exits(0);
    expect([m.phase, m.dueInMs]).toEqual(["cleaning", 3000]);
    expect([m.due().phase, m.acts, m.dueInMs]).toEqual(["cleaning", ["kill"], 5000]);
  });

  test("what had to be killed by force is named in the event", () => {
    const m = stopped({}).exits(0).due().swept(["worker (77)"]);
    expect(m.unit.last?.killed).toEqual(["worker (77)"]);
    const said = m.effects.find((effect) => effect.type === "tell");
    expect(said).toMatchObject({ event: { type: "stopped", message: expect.stringContaining("worker (77)"), details: { killed: ["worker (77)"] } } });
  });

  test("what is left of the old run's tree is ended before a restart", () => {
    const m = machine({ restart: { retryDelayMs: 0 } }).up().exits(1);
    expect([m.phase, m.acts]).toEqual(["cleaning", ["sweep 15"]]);
    expect([m.start().phase, m.acts]).toEqual(["cleaning", []]);
    expect(m.swept().phase).toBe("waiting");
  });

  test("post_stop runs after the tree is gone, and one that fails is reported", () => {
    const m = machine({ postStop: [hook(1000)] }).up().exits(1).swept();
    expect([m.phase, m.acts, m.dueInMs]).toEqual(["finishing", ["finish"], 6000]);
    expect([m.finished("exit code 1").phase, m.told]).toEqual(["backoff", ["stopping", "backoff"]]);
  });

  test("post_stop that does not end in time is killed before the unit goes on, and does not hold it for ever", () => {
    const m = machine({ postStop: [hook()] }).up().exits(1).swept().due();
    expect([m.phase, m.told, m.acts, m.dueInMs]).toEqual(["finishing", ["killed"], ["kill"], 5000]);
    expect(m.due().phase).toBe("backoff");
  });

  test("an exit before the stop signal could act is the end it asked for", () => {
    const m = machine().up().stop().exits(1).swept();
    expect([m.phase, m.unit.reason]).toEqual(["idle", "operator"]);
  });
});

describe("fatal and failed", () => {
  test("fatal_retry_after tries again with a clean count", () => {
    const m = machine({ restart: { maxRetries: 1, retryDelayMs: 0, fatalRetryAfterMs: 90_000 } }).up().ends(1).clear().spawned().ends(1);
    expect([m.phase, m.dueInMs]).toEqual(["fatal", 90_000]);
    expect([m.due().phase, m.unit.ledger.retries, m.clear().unit.restarts]).toEqual(["waiting", 0, 2]);
  });

  test("failed is not tried again by fatal_retry_after", () => {
    expect(machine({ restart: { autoRestart: false, fatalRetryAfterMs: 1000 } }).up().ends(1).unit.due).toBeNull();
  });

  test.each(["failed", "fatal"] as const)("reset-failed ends %s", (phase) => {
    const m = machine({ restart: phase === "failed" ? { autoRestart: false } : { maxRetries: 0, fatalRetryAfterMs: 1000 } }).up().ends(1);
    expect(m.phase).toBe(phase);
    expect([m.reset().phase, m.unit.want, m.unit.due, m.told]).toEqual(["idle", "down", null, ["reset"]]);
  });

  test("reset-failed during backoff clears the count and goes on waiting", () => {
    const m = machine().up().ends(1).reset();
    expect([m.phase, m.unit.ledger.retries, m.dueInMs]).toEqual(["backoff", 0, 1000]);
  });
});

describe("reload", () => {
  const parts: SpecParts = { reload: { kind: "command", command: "reread", args: [], timeoutMs: 4000 } };

  test("of a running unit asks for it, and it stays running", () => {
    const m = machine(parts).up().reload();
    expect([m.phase, stateOf(m.unit), m.acts, m.dueInMs]).toEqual(["reloading", "running", ["reload"], 9000]);
    expect([m.reloaded().phase, m.told]).toEqual(["running", ["reloaded"]]);
  });

  test("that fails or never ends leaves it running", () => {
    expect([machine(parts).up().reload().reloaded("exit code 1").phase]).toEqual(["running"]);
    const m = machine(parts).up().reload().due();
    expect([m.phase, m.told, m.reloaded().result?.kind]).toEqual(["running", ["reload-failed"], "ignored"]);
  });

  test("of a unit that is not running is refused", () => {
    for (const m of [machine(parts), machine(parts).start(), machine(parts).start().clear(), machine(parts).up().ends(1), machine(parts).up().reload()])
      expect(m.reload().result?.kind).toBe("refused");
  });

  test("an exit during a reload is treated as any other", () => {
    expect(machine(parts).up().reload().ends(1).phase).toBe("backoff");
  });
});

describe("facts carry their run", () => {
  const facts = (run: number): UnitEvent[] => [
    { type: "prepared", run, failure: null },
    { type: "spawned", run, process: ref(1) },
    { type: "spawnFailed", run, failure: { stage: "exec", message: "", resources: false } },
    { type: "ready", run },
    { type: "exited", run, exit: code(1) },
    { type: "condemned", run, by: "health", detail: "" },
    { type: "reloaded", run, failure: null },
    { type: "swept", run, killed: [] },
    { type: "finished", run, failure: null },
    { type: "due", run, why: "stop-timeout" },
  ];

  test("no late timer or exit acts on a later run", () => {
    const second = (): Machine => machine({ ...CHECKED, restart: { retryDelayMs: 0 } }).up().ends(1).clear().spawned();
    const situations = [second(), second().ready(), second().ready().stop().release(), second().exits(1), second().ends(1)];
    for (const m of situations)
      for (const fact of facts(1)) {
        const before = m.unit;
        expect([m.send(fact).result?.kind, m.unit === before]).toEqual(["ignored", true]);
      }
  });

  test("a deadline that is no longer the unit's is dropped", () => {
    const m = machine().up().stop().release(); // stop-timeout in 10 s
    const late: UnitEvent = { type: "due", run: 1, why: "stop-timeout" };
    expect(m.send(late).result?.kind).toBe("ignored"); // too early
    m.pass(20_000).ends(0).start().clear().spawned();
    expect(m.send({ ...late, run: 2 }).result?.kind).toBe("ignored");
  });
});

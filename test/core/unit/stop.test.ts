import { describe, expect, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import { DEFAULT_ROLLING } from "../../../src/core/service/rolling-policy.ts";
import { stateOf, subStateOf } from "../../../src/core/unit/phase.ts";
import { sendAgain } from "../../../src/core/unit/stop-signal.ts";
import { hook, killedBy, makeSpec, ref, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));
const CHECKED: SpecParts = { check: {} };

describe("a drain", () => {
  const rolling = { ...DEFAULT_ROLLING, drain: { signal: SIGNALS.SIGUSR1, timeoutMs: 30_000 } };
  const draining = (parts: SpecParts = {}): Machine => {
    const m = machine({ rolling, ...parts }).up();
    m.unit = { ...m.unit, drains: true };
    return m.restart();
  };

  test("begins with its own signal, then the unit stops as usual", () => {
    const m = draining();
    expect([m.phase, m.actions, m.recorded, m.dueInMs]).toEqual(["stopping", ["signal 10 group"], ["draining"], 30_000]);
    expect([m.due().phase, m.actions, m.recorded, m.dueInMs]).toEqual(["stopping", ["signal 15 group"], ["stopping"], 10_000]);
    expect(m.ends(0).phase).toBe("waiting");
  });

  test("ends with the exit of the main process; its other processes get the stop signal", () => {
    const m = draining();
    expect([m.exits(1).phase, m.actions, m.dueInMs]).toEqual(["cleaning", ["sweep 15"], 10_000]);
    expect([m.swept().phase, m.unit.ledger.retries]).toEqual(["waiting", 0]);
  });

  test("is forgotten if pre_restart prevents the restart", () => {
    const m = draining({ preRestart: [hook()] }).tested("exit code 1");
    expect([m.phase, m.unit.drains, m.stop().release().actions]).toEqual(["running", false, ["signal 15 group"]]);
  });

  test("is not repeated for the next run", () => {
    const m = draining({ stop: { graceful: false } });
    expect([m.due().phase, m.actions]).toEqual(["killing", ["kill"]]);
    m.ends(9).clear().spawned();
    expect([m.phase, m.restart().actions]).toEqual(["running", ["kill"]]);
  });
});

describe("a signal that the daemon could not send before it was killed", () => {
  const rolling = { ...DEFAULT_ROLLING, drain: { signal: SIGNALS.SIGUSR1, timeoutMs: 30_000 } };

  test.each([
    ["of a stop", 15, "stop-timeout", 10_000, (m: Machine) => m.stop().release()],
    ["of a missed watchdog", SIGNALS.SIGABRT, "stop-timeout", 10_000, (m: Machine) => m.condemned("watchdog")],
    ["of a drain", SIGNALS.SIGUSR1, "drain-timeout", 30_000, (m: Machine) => drains(m).restart()],
    ["after a drain", 15, "stop-timeout", 10_000, (m: Machine) => drains(m).restart().signalSent().due()],
  ] as const)("%s is sent later, with the whole time to stop", (_, signal, why, ms, stop) => {
    const m = stop(machine({ rolling }).up());
    const again = sendAgain(m.unit, m.nowMs + 60_000);
    expect(again?.effect).toEqual({ type: "signal", run: 1, signal, mode: "group" });
    expect(again?.unit.due).toEqual({ atMs: m.nowMs + 60_000 + ms, why });
    expect(sendAgain(m.signalSent().unit, m.nowMs)).toBeNull();
  });

  test("is not sent to a run that ended, or that got SIGKILL", () => {
    expect(sendAgain(machine().up().stop().release().exits(0).unit, 0)).toBeNull();
    expect(sendAgain(machine().up().stop().release().due().unit, 0)).toBeNull();
    const next = machine({ type: "notify" }).up().restart().ends(0).clear().spawned().notified("READY=1").notified("STOPPING=1");
    expect([next.phase, sendAgain(next.unit, 0)]).toEqual(["stopping", null]);
  });

  const drains = (m: Machine): Machine => {
    m.unit = { ...m.unit, drains: true };
    return m;
  };
});

describe("operator stop wins", () => {
  test("during the back-off: the unit is stopped immediately and not restarted", () => {
    const m = machine().up().ends(1).stop();
    expect([m.phase, m.unit.want, m.unit.due, m.unit.reason, m.recorded]).toEqual(["idle", "down", null, "operator", ["stopped"]]);
  });

  test("during waiting", () => {
    expect(machine().start().stop().phase).toBe("idle");
  });

  test("during pre_start: the commands get the stop signal and the main command does not run", () => {
    const m = machine({ preStart: [hook()] })
      .start()
      .clear()
      .stop();
    expect([m.phase, m.actions]).toEqual(["stopping", ["signal 15 group"]]);
    expect([m.prepared().phase, m.actions, m.swept().phase]).toEqual(["cleaning", ["sweep 0"], "idle"]);
  });

  test("during pre_start: the unit is stopped for the operator, not for the failed command", () => {
    const m = machine({ preStart: [hook()] })
      .start()
      .clear()
      .stop()
      .prepared("killed by SIGTERM")
      .swept();
    expect(m.unit.last).toMatchObject({ by: "stop", cause: "operator", detail: "requested by the operator" });
  });

  test("during starting, before the command is executed: the stop signal follows the spawn", () => {
    const m = machine().start().clear().stop().release();
    expect([m.phase, m.actions]).toEqual(["stopping", ["signal 15 group"]]);
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
    expect(
      machine({ postStop: [hook()] })
        .up()
        .exits(1)
        .swept()
        .stop()
        .finished()
        .swept().phase,
    ).toBe("idle");
  });

  test("over fatal_retry_after", () => {
    const m = machine({ restart: { maxRetries: 0, fatalRetryAfterMs: 1000 } })
      .up()
      .ends(1);
    expect([m.phase, m.dueInMs]).toEqual(["fatal", 1000]);
    expect([m.stop().phase, m.unit.due, m.unit.want]).toEqual(["fatal", null, "down"]);
  });

  test("the stop is recorded before any signal is sent", () => {
    const m = machine().up().stop();
    expect([m.unit.want, m.phase, m.actions, stateOf(m.unit), subStateOf(m.unit)]).toEqual([
      "down",
      "running",
      [],
      "stopping",
      "waiting for dependents",
    ]);
    expect([m.release().phase, m.actions]).toEqual(["stopping", ["signal 15 group"]]);
  });

  test("a stop of a unit that is down changes nothing", () => {
    expect(machine().stop().result?.kind).toBe("ignored");
  });
});

describe("stopping", () => {
  const stopped = (parts: SpecParts): Machine => machine(parts).up().stop().release();

  test.each(["group", "mixed", "process"] as const)("kill_mode %s is passed on with the stop signal", (killMode) => {
    expect(stopped({ stop: { killMode, signal: SIGNALS.SIGINT } }).actions).toEqual([`signal 2 ${killMode}`]);
  });

  test("after the timeout the whole tree gets SIGKILL", () => {
    const m = stopped({ stop: { timeoutMs: 7000 } });
    expect(m.dueInMs).toBe(7000);
    expect([m.due().phase, m.actions, m.recorded]).toEqual(["killing", ["kill"], ["killed"]]);
  });

  test("SIGKILL is repeated until the main process is gone", () => {
    const m = stopped({}).due();
    for (let i = 0; i < 3; i++) expect([m.due().phase, m.actions]).toEqual(["killing", ["kill"]]);
    expect(m.ends(killedBy(9)).phase).toBe("idle");
  });

  test("with the graceful stop disabled, SIGKILL is sent immediately", () => {
    const m = stopped({ stop: { graceful: false } });
    expect([m.phase, m.actions, m.dueInMs]).toEqual(["killing", ["kill"], 5000]);
  });

  test("with the graceful stop disabled, processes that outlive the main process get SIGKILL", () => {
    expect(
      machine({ stop: { graceful: false } })
        .up()
        .exits(1).actions,
    ).toEqual(["sweep 9"]);
  });

  test.each([
    ["running", machine().up()],
    ["starting", machine(CHECKED).start().clear().spawned()],
  ])("remaining processes of a unit that was %s have the stop timeout", (_, m) => {
    expect(m.exits(1).unit.due).toEqual({ atMs: 10_000, why: "stop-timeout" });
  });

  test.each([
    ["group", 0], // it already received the stop signal
    ["mixed", SIGNALS.SIGKILL],
    ["process", 0],
  ] as const)("after a stop with kill_mode %s, processes that outlive the main process get signal %d", (killMode, signal) => {
    expect(stopped({ stop: { killMode } }).exits(0).actions).toEqual([`sweep ${signal}`]);
  });

  test.each([
    ["group", SIGNALS.SIGTERM],
    ["mixed", SIGNALS.SIGKILL],
    ["process", 0],
  ] as const)("after an exit by itself with kill_mode %s, processes that outlive the main process get signal %d", (killMode, signal) => {
    expect(machine({ stop: { killMode } }).up().exits(1).actions).toEqual([`sweep ${signal}`]);
  });

  test("remaining processes keep the deadline of the stop, then get SIGKILL", () => {
    const m = stopped({ stop: { timeoutMs: 5000 } })
      .pass(2000)
      .exits(0);
    expect([m.phase, m.dueInMs]).toEqual(["cleaning", 3000]);
    expect([m.due().phase, m.actions, m.dueInMs]).toEqual(["cleaning", ["kill"], 5000]);
  });

  test("the event names the processes that needed SIGKILL", () => {
    const m = stopped({}).exits(0).due().swept(["worker (77)"]);
    expect(m.unit.last?.killed).toEqual(["worker (77)"]);
    const entry = m.effects.find((effect) => effect.type === "record");
    expect(entry).toMatchObject({
      event: { type: "stopped", message: expect.stringContaining("worker (77)"), details: { killed: ["worker (77)"] } },
    });
  });

  test("remaining processes of the old run are ended before a restart", () => {
    const m = machine({ restart: { retryDelayMs: 0 } })
      .up()
      .exits(1);
    expect([m.phase, m.actions]).toEqual(["cleaning", ["sweep 15"]]);
    expect([m.start().phase, m.actions]).toEqual(["cleaning", []]);
    expect(m.swept().phase).toBe("waiting");
  });

  test("post_stop runs after all processes are gone, and its failure is recorded", () => {
    const m = machine({ postStop: [hook(1000)] })
      .up()
      .exits(1)
      .swept();
    expect([m.phase, m.actions, m.dueInMs]).toEqual(["finishing", ["finish"], 6000]);
    expect([m.finished("exit code 1").phase, m.recorded, m.actions]).toEqual(["finishing", ["stopping"], ["sweep 15"]]);
    expect([m.swept().phase, m.recorded]).toEqual(["backoff", ["backoff"]]);
  });

  test("post_stop runs after a clean exit too", () => {
    expect(
      machine({ postStop: [hook()] })
        .up()
        .exits(0)
        .swept().phase,
    ).toBe("finishing");
  });

  test.each([
    ["group", true, "sweep 15"],
    ["mixed", true, "sweep 9"],
    ["process", true, "sweep 0"],
    ["group", false, "sweep 9"],
  ] as const)(
    "what post_stop leaves behind is ended like what the main process leaves behind: %s, graceful %p",
    (killMode, graceful, action) => {
      const m = machine({ postStop: [hook(1000)], stop: { killMode, graceful, timeoutMs: 700 } })
        .up()
        .exits(1)
        .swept()
        .finished();
      expect([m.phase, m.actions, m.dueInMs]).toEqual(["finishing", [action], 700]);
      expect([m.due().phase, m.actions, m.recorded, m.dueInMs]).toEqual(["finishing", ["kill"], [], 5000]);
      expect(m.swept(["sleep (7)"]).unit.last?.killed).toEqual(["sleep (7)"]);
      expect(m.phase).toBe("backoff");
    },
  );

  test("a post_stop that does not finish in time is killed, and the next run begins when none of its processes is left", () => {
    const m = machine({ postStop: [hook()] })
      .up()
      .exits(1)
      .swept()
      .due();
    expect([m.phase, m.recorded, m.actions, m.dueInMs]).toEqual(["finishing", ["killed"], ["kill"], 5000]);
    expect([m.due().phase, m.recorded, m.actions]).toEqual(["finishing", [], ["kill"]]);
    expect([m.finished("killed by SIGKILL").phase, m.actions]).toEqual(["finishing", ["sweep 9"]]);
    expect(m.swept().phase).toBe("backoff");
  });

  test("an exit just before the stop signal counts as the requested stop", () => {
    const m = machine().up().stop().exits(1).swept();
    expect([m.phase, m.unit.reason]).toEqual(["idle", "operator"]);
  });
});

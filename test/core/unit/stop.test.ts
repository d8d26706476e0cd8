import { describe, expect, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import { stateOf, subStateOf } from "../../../src/core/unit/phase.ts";
import { hook, killedBy, makeSpec, ref, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));
const CHECKED: SpecParts = { check: {} };

describe("operator stop wins", () => {
  test("during backoff: stopped at once, and it does not come back", () => {
    const m = machine().up().ends(1).stop();
    expect([m.phase, m.unit.want, m.unit.due, m.unit.reason, m.told]).toEqual(["idle", "down", null, "operator", ["stopped"]]);
  });

  test("during waiting", () => {
    expect(machine().start().stop().phase).toBe("idle");
  });

  test("during pre_start: the commands are signalled and no command is run", () => {
    const m = machine({ preStart: [hook()] })
      .start()
      .clear()
      .stop();
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
    expect(
      machine({ postStop: [hook()] })
        .up()
        .exits(1)
        .swept()
        .stop()
        .finished().phase,
    ).toBe("idle");
  });

  test("over fatal_retry_after", () => {
    const m = machine({ restart: { maxRetries: 0, fatalRetryAfterMs: 1000 } })
      .up()
      .ends(1);
    expect([m.phase, m.dueInMs]).toEqual(["fatal", 1000]);
    expect([m.stop().phase, m.unit.due, m.unit.want]).toEqual(["fatal", null, "down"]);
  });

  test("the wish is recorded before any signal", () => {
    const m = machine().up().stop();
    expect([m.unit.want, m.phase, m.acts, stateOf(m.unit), subStateOf(m.unit)]).toEqual([
      "down",
      "running",
      [],
      "stopping",
      "waiting for dependents",
    ]);
    expect([m.release().phase, m.acts]).toEqual(["stopping", ["signal 15 group"]]);
  });

  test("a stop of what is down changes nothing", () => {
    expect(machine().stop().result?.kind).toBe("ignored");
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
    const m = stopped({ stop: { timeoutMs: 5000 } })
      .pass(2000)
      .exits(0);
    expect([m.phase, m.dueInMs]).toEqual(["cleaning", 3000]);
    expect([m.due().phase, m.acts, m.dueInMs]).toEqual(["cleaning", ["kill"], 5000]);
  });

  test("what had to be killed by force is named in the event", () => {
    const m = stopped({}).exits(0).due().swept(["worker (77)"]);
    expect(m.unit.last?.killed).toEqual(["worker (77)"]);
    const said = m.effects.find((effect) => effect.type === "tell");
    expect(said).toMatchObject({
      event: { type: "stopped", message: expect.stringContaining("worker (77)"), details: { killed: ["worker (77)"] } },
    });
  });

  test("what is left of the old run's tree is ended before a restart", () => {
    const m = machine({ restart: { retryDelayMs: 0 } })
      .up()
      .exits(1);
    expect([m.phase, m.acts]).toEqual(["cleaning", ["sweep 15"]]);
    expect([m.start().phase, m.acts]).toEqual(["cleaning", []]);
    expect(m.swept().phase).toBe("waiting");
  });

  test("post_stop runs after the tree is gone, and one that fails is reported", () => {
    const m = machine({ postStop: [hook(1000)] })
      .up()
      .exits(1)
      .swept();
    expect([m.phase, m.acts, m.dueInMs]).toEqual(["finishing", ["finish"], 6000]);
    expect([m.finished("exit code 1").phase, m.told]).toEqual(["backoff", ["stopping", "backoff"]]);
  });

  test("post_stop that does not end in time is killed before the unit goes on, and does not hold it for ever", () => {
    const m = machine({ postStop: [hook()] })
      .up()
      .exits(1)
      .swept()
      .due();
    expect([m.phase, m.told, m.acts, m.dueInMs]).toEqual(["finishing", ["killed"], ["kill"], 5000]);
    expect(m.due().phase).toBe("backoff");
  });

  test("an exit before the stop signal could act is the end it asked for", () => {
    const m = machine().up().stop().exits(1).swept();
    expect([m.phase, m.unit.reason]).toEqual(["idle", "operator"]);
  });
});

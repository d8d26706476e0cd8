import { describe, expect, test } from "bun:test";
import { stateOf } from "../../../src/core/unit/phase.ts";
import { code, hook, makeSpec, ref, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));
const CHECKED: SpecParts = { check: {} };

describe("starting", () => {
  test("a simple unit is running once its command was executed", () => {
    const m = machine().start();
    expect(m.phase).toBe("waiting");
    m.clear();
    expect([m.phase, m.actions]).toEqual(["starting", ["spawn"]]);
    m.spawned();
    expect([m.phase, m.recorded, m.unit.process, m.unit.due]).toEqual(["running", ["started", "running"], ref(1001), null]);
  });

  test.each([
    ["a check", CHECKED],
    ["notify", { type: "notify" } as const],
  ])("with %s it is `starting` until it is ready", (_, parts) => {
    const m = machine(parts).start().clear().spawned();
    expect([m.phase, stateOf(m.unit), m.dueInMs]).toEqual(["starting", "starting", 60_000]);
    m.pass(2500).ready();
    expect([m.phase, m.unit.readyAtMs, m.unit.due]).toEqual(["running", 2500, null]);
  });

  test("pre_start runs before the command", () => {
    const m = machine({ preStart: [hook(1000), hook(2000)] })
      .start()
      .clear();
    expect([m.phase, m.actions, m.dueInMs]).toEqual(["preparing", ["prepare"], 8000]);
    expect([m.prepared().phase, m.actions, m.dueInMs]).toEqual(["starting", ["spawn"], 60_000]);
  });

  test.each([
    ["a failed command", (m: Machine) => m.prepared("pre_start migrate: exit code 7"), "pre_start migrate: exit code 7"],
    ["a timeout", (m: Machine) => m.due(), "pre_start did not finish in time"],
  ])("the history says why pre_start failed: %s", (_, fail, message) => {
    const m = fail(
      machine({ preStart: [hook(1000)] })
        .start()
        .clear(),
    );
    expect(m.effects.flatMap((effect) => (effect.type === "record" ? [effect.event] : []))).toContainEqual({
      type: "start-failed",
      message,
      details: { run: 1, stage: "pre_start" },
    });
  });

  test("a server that puts itself into the background is told so; one that ran for a while or left nothing is not", () => {
    const detail = (m: Machine): string | undefined => m.unit.last?.detail;
    const told = "exit code 0, but it left processes in the background, which were ended: run it in the foreground";
    expect(detail(machine().up().exits(0).sweptLeft())).toBe(told);
    expect(detail(machine(CHECKED).start().clear().spawned().exits(0).sweptLeft())).toContain("run it in the foreground");
    expect(detail(machine().up().exits(0).swept())).toBe("exit code 0");
    expect(detail(machine().up().exits(1).sweptLeft())).toBe("exit code 1");
    expect(detail(machine().up().pass(6000).exits(0).sweptLeft())).toBe("exit code 0");
    expect(detail(machine({ type: "oneshot" }).up().exits(0).sweptLeft())).toBe("exit code 0");
  });

  test("each launch takes the next run number", () => {
    const m = machine({ restart: { retryDelayMs: 0 } }).up();
    expect(m.unit.run).toBe(1);
    expect(m.ends(1).clear().unit.run).toBe(2);
  });

  test("a start of a unit that is up or starting changes nothing", () => {
    for (const m of [machine().start(), machine().start().clear(), machine().up()]) {
      const before = m.unit;
      expect(m.start().unit).toBe(before);
    }
  });

  test("a oneshot without start_timeout has no deadline", () => {
    expect(machine({ type: "oneshot" }).start().clear().unit.due).toBeNull();
  });

  test("a oneshot that does not finish within its start_timeout is a failed start", () => {
    const m = machine({ type: "oneshot", startTimeoutMs: 5000 }).up();
    expect([m.phase, m.dueInMs]).toEqual(["running", 5000]);
    expect([m.due().phase, m.recorded]).toEqual(["stopping", ["start-failed", "stopping"]]);
    expect([m.ends(0).phase, m.unit.reason]).toEqual(["backoff", "timeout"]);
  });
});

describe("a failed start", () => {
  test("a failure of pre_start is a failed start", () => {
    const m = machine({ preStart: [hook()] })
      .start()
      .clear()
      .prepared("pre_start hook: exit code 1");
    expect([m.phase, m.actions]).toEqual(["cleaning", ["sweep 15"]]);
    expect([m.swept().phase, m.unit.ledger.retries, m.unit.reason, m.unit.last?.detail]).toEqual([
      "backoff",
      1,
      "exit-code",
      "pre_start hook: exit code 1",
    ]);
  });

  test("a pre_start that does not finish in time is a failed start", () => {
    const m = machine({ preStart: [hook(1000)] })
      .start()
      .clear()
      .due();
    expect([m.nowMs, m.phase, m.actions]).toEqual([6000, "stopping", ["signal 15 group"]]);
    expect(m.prepared("stopped").swept().phase).toBe("backoff");
  });

  test("a command that cannot be executed is a failed start, with its cause in the history", () => {
    const m = machine().start().clear().spawnFailed("cannot execute ./serve: no such file or directory (ENOENT)");
    expect([m.phase, m.recorded, m.actions]).toEqual(["cleaning", ["start-failed"], ["sweep 15"]]);
    expect([m.swept().phase, m.unit.reason, m.unit.last?.detail]).toEqual([
      "backoff",
      "spawn",
      "cannot execute ./serve: no such file or directory (ENOENT)",
    ]);
  });

  test("a resource shortage has its own reason", () => {
    expect(machine().start().clear().spawnFailed("cannot fork", true).swept().unit.reason).toBe("resources");
  });

  test("a unit that is not ready within start_timeout fails to start and does not become ready later", () => {
    const m = machine({ ...CHECKED, restart: { maxRetries: 0 } })
      .start()
      .clear()
      .spawned()
      .due();
    expect([m.nowMs, m.phase, m.recorded]).toEqual([60_000, "stopping", ["start-failed", "stopping"]]);
    expect([m.ready().phase, m.ends(0).phase, m.unit.reason]).toEqual(["stopping", "fatal", "timeout"]);
  });

  test("a failed exit before readiness keeps its exit code as the reason", () => {
    const m = machine(CHECKED).start().clear().spawned().ends(1);
    expect([m.phase, m.unit.reason, m.unit.ledger.retries]).toEqual(["backoff", "exit-code", 1]);
  });

  test.each([CHECKED, { type: "notify" }] as SpecParts[])("exit code 0 before it is ready is a failed start: %j", (parts) => {
    const m = machine(parts).start().clear().spawned().ends(0);
    expect([m.phase, m.unit.reason, m.unit.ledger.retries, m.unit.last?.detail]).toEqual([
      "backoff",
      "protocol",
      1,
      "exit code 0 before it was ready",
    ]);
  });

  test("after READY=1 exit code 0 is a success", () => {
    expect(machine({ type: "notify" }).up().ends(0).unit.reason).toBe("success");
  });

  test("a resource shortage uses up no retry and is retried forever", () => {
    const m = machine({ restart: { maxRetries: 0, retryDelayMs: 100 } }).start();
    for (let i = 0; i < 20; i++) {
      m.clear().spawnFailed("cannot create a process", true).swept();
      expect([m.phase, m.unit.reason, m.unit.ledger.retries, m.dueInMs]).toEqual(["backoff", "resources", 0, 1000]);
      m.due();
    }
    expect(m.clear().spawned().phase).toBe("running");
  });

  test("a resource shortage is not retried when auto_restart is off", () => {
    expect(
      machine({ restart: { autoRestart: false } })
        .start()
        .clear()
        .spawnFailed("cannot fork", true)
        .swept().phase,
    ).toBe("failed");
  });
});

describe("operator start", () => {
  test("during the back-off starts now and resets the retry counter", () => {
    const m = machine().up().ends(1).due().clear().spawned().ends(1);
    expect([m.phase, m.unit.ledger.retries]).toEqual(["backoff", 2]);
    m.start();
    expect([m.phase, m.unit.ledger.retries, m.unit.due]).toEqual(["waiting", 0, null]);
  });

  test("leaves fatal and failed and resets the retry counter", () => {
    const fatal = machine({ restart: { maxRetries: 1, retryDelayMs: 0 } })
      .up()
      .ends(1)
      .clear()
      .spawned()
      .ends(1);
    expect(fatal.phase).toBe("fatal");
    expect([fatal.start().phase, fatal.unit.ledger.retries]).toEqual(["waiting", 0]);
    expect(
      machine({ restart: { autoRestart: false } })
        .up()
        .ends(1)
        .start().phase,
    ).toBe("waiting");
  });

  test("cancels a stop that still waits for dependents", () => {
    const m = machine().up().stop().start();
    expect([m.phase, m.unit.want, m.release().phase]).toEqual(["running", "up", "running"]);
  });

  test("while the unit is stopping: it starts again as soon as it is down, without delay and with the retry counter reset", () => {
    const m = machine().up().ends(1).due().clear().spawned().stop().release().start();
    expect([m.phase, m.unit.want]).toEqual(["stopping", "up"]);
    expect([m.ends(0).phase, m.unit.ledger.retries]).toEqual(["waiting", 0]);
  });

  test("while a crash is being cleaned up: the exit of the crash is kept", () => {
    const { last } = machine().up().exits(3).start().swept().unit;
    expect(last).toMatchObject({ by: "restart", exit: code(3), detail: "exit code 3" });
  });

  test("several starts and stops while the unit is stopping: the last one counts", () => {
    expect(machine().up().stop().release().start().stop().start().stop().ends(0).phase).toBe("idle");
    expect(machine().up().stop().release().start().stop().start().ends(0).phase).toBe("waiting");
  });
});

import { describe, expect, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import { stateOf } from "../../../src/core/unit/phase.ts";
import { code, hook, killedBy, makeSpec, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));
const CHECKED: SpecParts = { check: {} };

describe("restart after failure", () => {
  test("delays 10, 20, 40, 80, 160 seconds, then fatal", () => {
    const m = machine({ restart: { retryDelayMs: 10_000 } }).up();
    const delays: Array<number | null> = [];
    for (m.ends(1); m.phase === "backoff"; m.due().clear().spawned().ends(1)) delays.push(m.dueInMs);
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000]);
    expect(m.phase).toBe("fatal");
    expect(m.unit.due).toBe(null);
    expect(m.unit.want).toBe("up");
    expect(m.unit.restarts).toBe(5);
  });

  test("the cause of a retry is the policy, not the cause of the first start", () => {
    const m = machine().start().clear().spawned();
    expect(m.startedBy).toBe("operator");
    m.ends(1).due().clear().spawned();
    expect(m.startedBy).toBe("policy");
    m.restart("watch").ends(0).clear().spawned();
    expect(m.startedBy).toBe("watch");
    m.ends(1).start().clear().spawned();
    expect(m.startedBy).toBe("operator");
  });

  test("restarts by the policy and requested ones are counted apart", () => {
    const m = machine().up();
    m.restart("operator").ends(0).clear().spawned();
    m.restart("watch").ends(0).clear().spawned();
    m.ends(1).due().clear().spawned();
    m.restart("dependency").ends(0).clear().spawned();
    expect(m.unit.restarts).toBe(1);
    expect(m.unit.requestedRestarts).toEqual({ operator: 1, watch: 1, schedule: 0, dependency: 1, reload: 0 });
    m.stop().ends(0).start().clear().spawned();
    expect(m.unit).toMatchObject({ restarts: 1, requestedRestarts: { operator: 1 } });
  });

  test("retry_delay 0 restarts immediately", () => {
    const m = machine({ restart: { retryDelayMs: 0 } })
      .up()
      .ends(1);
    expect(m.phase).toBe("waiting");
    expect(m.recorded).toEqual(["backoff"]);
  });

  test("auto_restart off: failed", () => {
    const m = machine({ restart: { autoRestart: false } })
      .up()
      .ends(3);
    expect(m.phase).toBe("failed");
    expect(m.unit.reason).toBe("exit-code");
    expect(m.unit.due).toBe(null);
  });

  test("an exit code in no_restart_exit_codes: failed", () => {
    expect(
      machine({ restart: { noRestartExitCodes: [78] } })
        .up()
        .ends(78).phase,
    ).toBe("failed");
  });

  test("the retry counter resets after reset_after of running", () => {
    const m = machine().up().ends(1).due().clear().spawned();
    expect(m.unit.ledger.retries).toBe(1);
    expect(m.pass(60_000).ends(1).unit.ledger.retries).toBe(1);
    m.due().clear().spawned().pass(59_999).ends(1);
    expect(m.unit.ledger.retries).toBe(2);
  });

  test("the retry counter resets after reset_after also if a restart, not a failure, ends the run", () => {
    const m = machine().up().ends(1).due().clear().spawned().pass(60_000);
    m.restart("dependency").ends(0).clear().spawned();
    expect(m.unit.ledger.retries).toBe(0);
    expect(m.ends(1).phase).toBe("backoff");
    expect(m.unit.ledger.retries).toBe(1);
  });

  test("only `running` counts for reset_after, not `starting`", () => {
    const m = machine({ ...CHECKED, startTimeoutMs: 100_000, restart: { resetAfterMs: 10_000 } })
      .up()
      .ends(1)
      .due()
      .clear()
      .spawned();
    expect(m.pass(50_000).ends(1).unit.ledger.retries).toBe(2);
  });

  test("the reason names how the run ended", () => {
    expect(machine().up().ends(killedBy(SIGNALS.SIGSEGV)).unit.reason).toBe("signal");
    expect(machine().up().ends({ kind: "signal", signal: 11, core: true }).unit.reason).toBe("core-dump");
    expect(machine().up().ends({ kind: "signal", signal: 9, core: false, oom: true }).unit.reason).toBe("oom-kill");
    expect(machine().up().ends({ kind: "lost" }).unit.reason).toBe("unknown");
  });

  test.each(["health", "watchdog", "resources"] as const)("a run condemned for %s is stopped and uses up a retry", (by) => {
    const m = machine().up().condemned(by);
    const signal = by === "watchdog" ? SIGNALS.SIGABRT : SIGNALS.SIGTERM;
    expect(m.phase).toBe("stopping");
    expect(m.recorded).toEqual(["unhealthy", "stopping"]);
    expect(m.actions).toEqual([`signal ${signal} group`]);
    expect(m.ends(0).phase).toBe("backoff");
    expect(m.unit.ledger.retries).toBe(1);
    expect(m.unit.reason).toBe(by);
  });

  test("a second verdict on the same run does nothing", () => {
    const m = machine().up().condemned();
    const before = m.unit;
    expect(m.condemned("watchdog").unit).toBe(before);
    expect(m.result?.kind).toBe("ignored");
  });
});

describe("a clean exit", () => {
  test("leaves the unit stopped, with the reason success", () => {
    const m = machine().up().ends(0);
    expect(m.phase).toBe("idle");
    expect(m.unit.want).toBe("down");
    expect(m.unit.reason).toBe("success");
    expect(m.recorded).toEqual(["stopped"]);
  });

  test("restart_on_exit waits retry_delay and uses up no retry", () => {
    const m = machine({ restart: { restartOnExit: true, maxRetries: 0, retryDelayMs: 3000 } }).up();
    for (let i = 0; i < 5; i++) {
      m.ends(0);
      expect(m.phase).toBe("backoff");
      expect(m.dueInMs).toBe(3000);
      expect(m.unit.ledger.retries).toBe(0);
      expect(m.unit.restarts).toBe(i);
      m.due().clear().spawned();
    }
  });

  test("a oneshot counts as succeeded until it runs again", () => {
    const m = machine({ type: "oneshot" }).up().ends(0);
    expect(m.phase).toBe("idle");
    expect(m.unit.succeeded).toBe(true);
    expect(m.start().unit.succeeded).toBeFalse();
  });

  test("remain_after_exit: a oneshot stays `running` after success", () => {
    const m = machine({ type: "oneshot", remainAfterExit: true }).up().ends(0);
    expect(m.phase).toBe("exited");
    expect(stateOf(m.unit)).toBe("running");
    expect(m.unit.want).toBe("up");
    expect(m.unit.succeeded).toBe(true);
    expect(m.unit.process).toBe(null);
    expect(m.stop().phase).toBe("exited");
    expect(m.unit.want).toBe("down");
    expect(m.release().phase).toBe("idle");
    expect(m.recorded).toEqual(["stopped"]);
    expect(m.unit.last).toMatchObject({ by: "stop", exit: code(0) });
    expect(m.unit.succeeded).toBeFalse();
  });

  test("remain_after_exit: after a failure a oneshot does not stay `running`", () => {
    expect(machine({ type: "oneshot", remainAfterExit: true }).up().ends(1).phase).toBe("backoff");
  });

  test("remain_after_exit: a restart runs it again", () => {
    const m = machine({ type: "oneshot", remainAfterExit: true }).up().ends(0).restart();
    expect(m.phase).toBe("waiting");
    expect(m.clear().actions).toEqual(["spawn"]);
    expect(m.unit.requestedRestarts.operator).toBe(1);
  });

  test("remain_after_exit: post_stop runs when it is stopped, not when the command ends", () => {
    const m = machine({ type: "oneshot", remainAfterExit: true, postStop: [hook()] })
      .up()
      .exits(0)
      .swept();
    expect(m.phase).toBe("exited");
    expect(m.stop().release().phase).toBe("finishing");
    expect(m.actions).toEqual(["finish"]);
    expect(m.finished().swept().phase).toBe("idle");
  });
});

describe("pre_restart", () => {
  const tested = (): Machine => machine({ preRestart: [hook()] }).up();

  test("the unit keeps running until its commands succeed", () => {
    const m = tested().restart();
    expect(m.phase).toBe("running");
    expect(m.actions).toEqual(["testRestart"]);
    expect(m.recorded).toEqual([]);
    expect(m.restart("watch").actions).toEqual([]);
    expect(m.phase).toBe("running");
    expect(m.tested().phase).toBe("stopping");
    expect(m.actions).toEqual(["signal 15 group"]);
    expect(m.ends(0).phase).toBe("waiting");
    expect(m.unit.cause).toBe("watch");
  });

  test("a failure is recorded and leaves the unit as it is", () => {
    const m = tested().restart().tested("pre_restart nginx: exit code 1");
    expect(m.phase).toBe("running");
    expect(m.actions).toEqual([]);
    expect(m.recorded).toEqual(["restart-failed"]);
    expect(m.unit.run).toBe(1);
    expect(m.restart().actions).toEqual(["testRestart"]);
    expect(m.tested().phase).toBe("stopping");
  });

  test("a stop meanwhile replaces the restart", () => {
    const m = tested().restart().stop();
    expect(m.tested().phase).toBe("running");
    expect(m.release().phase).toBe("stopping");
    expect(m.ends(0).phase).toBe("idle");
  });

  test("what ends by itself meanwhile is restarted as requested, without using up a retry", () => {
    const m = tested().restart().exits(1);
    expect(m.swept().phase).toBe("waiting");
    expect(m.unit.ledger.retries).toBe(0);
    expect(m.unit.reason).toBe("operator");
  });

  test.each(["a start", "a unit that failed"] as const)("is not for %s", (what) => {
    const m = machine({ preRestart: [hook()], check: {} })
      .start()
      .clear()
      .spawned();
    if (what === "a start") expect(m.restart().phase).toBe("stopping");
    else expect(m.ready().condemned().phase).toBe("stopping");
  });
});

describe("operator restart", () => {
  test("of a running unit: stop signal, then start without delay, and no retry is used", () => {
    const m = machine().up().restart();
    expect(m.phase).toBe("stopping");
    expect(m.actions).toEqual(["signal 15 group"]);
    expect(m.unit.want).toBe("up");
    expect(m.ends(killedBy(15)).phase).toBe("waiting");
    expect(m.unit.ledger.retries).toBe(0);
    expect(m.clear().unit.requestedRestarts.operator).toBe(1);
    expect(m.unit.run).toBe(2);
  });

  test("of a running unit resets the retry counter", () => {
    expect(machine().up().ends(1).due().clear().spawned().restart().unit.ledger.retries).toBe(0);
  });

  test.each(["idle", "failed", "fatal", "backoff"] as const)("of a unit that is %s starts it now", (phase) => {
    const policy = { idle: {}, failed: { autoRestart: false }, fatal: { maxRetries: 0 }, backoff: {} }[phase];
    const m = machine({ restart: policy })
      .up()
      .ends(phase === "idle" ? 0 : 1);
    expect(m.phase).toBe(phase);
    expect(m.restart().phase).toBe("waiting");
    expect(m.unit.want).toBe("up");
    expect(m.unit.ledger.retries).toBe(0);
    expect(m.clear().unit.requestedRestarts.operator).toBe(1);
  });

  test("a start of a unit that ran does not count as a restart", () => {
    expect(machine().up().ends(0).start().clear().unit.restarts).toBe(0);
  });

  test("of a unit that never ran does not count as a restart", () => {
    expect(machine().restart().clear().spawned().unit.restarts).toBe(0);
  });
});

describe("fatal and failed", () => {
  test("fatal_retry_after starts the unit again and resets the retry counter", () => {
    const m = machine({ restart: { maxRetries: 1, retryDelayMs: 0, fatalRetryAfterMs: 90_000 } })
      .up()
      .ends(1)
      .clear()
      .spawned()
      .ends(1);
    expect(m.phase).toBe("fatal");
    expect(m.dueInMs).toBe(90_000);
    expect(m.due().phase).toBe("waiting");
    expect(m.unit.ledger.retries).toBe(0);
    expect(m.clear().unit.restarts).toBe(2);
  });

  test("fatal_retry_after does not apply to failed", () => {
    expect(
      machine({ restart: { autoRestart: false, fatalRetryAfterMs: 1000 } })
        .up()
        .ends(1).unit.due,
    ).toBeNull();
  });

  test.each(["failed", "fatal"] as const)("reset-failed ends %s", (phase) => {
    const m = machine({ restart: phase === "failed" ? { autoRestart: false } : { maxRetries: 0, fatalRetryAfterMs: 1000 } })
      .up()
      .ends(1);
    expect(m.phase).toBe(phase);
    expect(m.reset().phase).toBe("idle");
    expect(m.unit.want).toBe("down");
    expect(m.unit.due).toBe(null);
    expect(m.recorded).toEqual(["reset"]);
  });

  test("reset-failed of a fatal unit resets the retry counter", () => {
    const m = machine({ restart: { maxRetries: 1, retryDelayMs: 0 } })
      .up()
      .ends(1)
      .clear()
      .spawned()
      .ends(1);
    expect(m.unit.ledger.retries).toBe(1);
    expect(m.reset().unit.ledger.retries).toBe(0);
  });

  test("reset-failed during the back-off resets the retry counter and keeps waiting", () => {
    const m = machine().up().ends(1).reset();
    expect(m.phase).toBe("backoff");
    expect(m.unit.ledger.retries).toBe(0);
    expect(m.dueInMs).toBe(1000);
  });
});

import { describe, expect, test } from "bun:test";
import { backoffMs, decide, noteStart, type Decision } from "../../../src/core/unit/restart.ts";
import { NO_LEDGER, type Ending, type Ledger } from "../../../src/core/unit/record.ts";
import type { RestartPolicy } from "../../../src/spec/spec.ts";
import { POLICY, code, killedBy } from "../fixtures.ts";

const TEN: RestartPolicy = { ...POLICY, retryDelayMs: 10_000 };
const FAILED: Ended = { by: "exit", exit: code(1), ranMs: null };
type Ended = Pick<Ending, "by" | "exit" | "ranMs">;

const decideFor = (
  policy: Partial<RestartPolicy>,
  ended: Partial<Ended> = {},
  ledger: Partial<Ledger> = {},
  nowMs = 0,
  roll = 0.5,
): Decision => decide({ ...POLICY, ...policy }, { ...NO_LEDGER, ...ledger }, { ...FAILED, ...ended }, { nowMs, roll });

/** A decision in one line. */
function describeDecision(decision: Decision): string {
  if (decision.kind === "after") return `after ${decision.delayMs} ${decision.attempt === null ? "clean" : `retry ${decision.attempt}`}`;
  return decision.kind === "giveUp" ? (decision.fatal ? "fatal" : "failed") : "done";
}

describe("a shortage, and an exit before readiness", () => {
  test.each([
    [{ maxRetries: 0 }, { by: "shortage", exit: null }, "after 1000 clean"],
    [{ maxRetries: 0, retryDelayMs: 5000 }, { by: "shortage", exit: null }, "after 5000 clean"],
    [{ autoRestart: false }, { by: "shortage", exit: null }, "failed"],
    [{}, { by: "protocol", exit: code(0) }, "after 1000 retry 1"],
    [{ noRestartExitCodes: [0] }, { by: "protocol", exit: code(0) }, "failed"],
    [{ restartOnExit: true, maxRetries: 0 }, { by: "protocol", exit: code(0) }, "fatal"],
  ] as const)("%j, %j: %s", (policy, ended, expected) => {
    expect(describeDecision(decideFor(policy, ended))).toBe(expected);
  });
});

describe("the delay before a retry", () => {
  test("grows as retry_delay × backoff_multiplier^(n-1): 10, 20, 40, 80, 160 seconds", () => {
    expect([1, 2, 3, 4, 5].map((n) => backoffMs(TEN, n, 0.5))).toEqual([10_000, 20_000, 40_000, 80_000, 160_000]);
  });

  test("is at most max_backoff", () => {
    expect([5, 6, 7, 50].map((n) => backoffMs(TEN, n, 0.5))).toEqual([160_000, 300_000, 300_000, 300_000]);
  });

  test("is at most max_backoff with jitter too", () => {
    expect(backoffMs({ ...TEN, jitter: 0.5 }, 9, 0.999)).toBe(300_000);
    expect(backoffMs({ ...TEN, jitter: 0.5 }, 9, 0)).toBe(150_000);
  });

  test("stays finite, so that a unit that retries forever never gets stuck", () => {
    for (const retryDelayMs of [0, 1, 1000])
      for (const n of [1, 1023, 1024, 1025, 5000, 1e9]) {
        const delay = backoffMs({ ...POLICY, retryDelayMs }, n, 0.5);
        expect(Number.isFinite(delay) && delay >= 0 && delay <= POLICY.maxBackoffMs).toBeTrue();
      }
    expect(backoffMs({ ...POLICY, retryDelayMs: 0 }, 5000, 0.5)).toBe(0);
  });

  test.each([
    [0, 5000],
    [0.25, 7500],
    [0.5, 10_000],
    [0.75, 12_500],
  ])("with jitter 0.5 and roll %d is %d ms", (roll, delay) => {
    expect(backoffMs({ ...TEN, jitter: 0.5 }, 1, roll)).toBe(delay);
  });

  test("stays within ± jitter for every roll", () => {
    for (let roll = 0; roll < 1; roll += 1 / 256) {
      const delay = backoffMs({ ...TEN, jitter: 0.2 }, 2, roll);
      expect(delay >= 16_000 && delay < 24_000).toBeTrue();
    }
  });

  test("with multiplier 1 does not grow", () => {
    expect([1, 2, 9].map((n) => backoffMs({ ...TEN, backoffMultiplier: 1 }, n, 0.5))).toEqual([10_000, 10_000, 10_000]);
  });
});

describe("a unit that keeps failing", () => {
  /** Lets the unit fail until the policy gives up, or `most` times. */
  function history(policy: Partial<RestartPolicy>, most = 20): string[] {
    const seen: string[] = [];
    let ledger: Ledger = NO_LEDGER;
    while (seen.length < most) {
      const decision = decideFor(policy, {}, ledger);
      seen.push(describeDecision(decision));
      ledger = decision.ledger;
      if (decision.kind !== "after") break;
    }
    return seen;
  }

  test("is fatal after exactly max_retries failed retries", () => {
    expect(history({ retryDelayMs: 10_000 })).toEqual([
      "after 10000 retry 1",
      "after 20000 retry 2",
      "after 40000 retry 3",
      "after 80000 retry 4",
      "after 160000 retry 5",
      "fatal",
    ]);
  });

  test("with max_retries 0 is fatal immediately", () => {
    expect(history({ maxRetries: 0 })).toEqual(["fatal"]);
  });

  test("with max_retries 1 is retried once", () => {
    expect(history({ maxRetries: 1 })).toEqual(["after 1000 retry 1", "fatal"]);
  });

  test("with max_retries -1 is retried forever, and the counter grows", () => {
    const seen = history({ maxRetries: -1 }, 2000);
    expect(seen).toHaveLength(2000);
    expect(seen.at(-1)).toBe("after 300000 retry 2000");
  });

  test("is fatal with a message that says how many retries failed", () => {
    const decision = decideFor({ maxRetries: 3 }, {}, { retries: 3 });
    expect(decision).toMatchObject({ kind: "giveUp", fatal: true, why: "3 of 3 retries failed" });
  });
});

describe("the decision", () => {
  const rows: ReadonlyArray<readonly [rule: string, policy: Partial<RestartPolicy>, ended: Partial<Ended>, retries: number, decision: string]> = [
    ["after a clean exit the unit stays down", {}, { exit: code(0) }, 0, "done"],
    ["a code of success_exit_codes is a clean exit", { successExitCodes: [0, 3] }, { exit: code(3) }, 0, "done"],
    ["0 is a failure if success_exit_codes does not include it", { successExitCodes: [3] }, { exit: code(0) }, 0, "after 1000 retry 1"],
    ["another code is a failure", {}, { exit: code(2) }, 0, "after 1000 retry 1"],
    ["a signal is a failure", {}, { exit: killedBy(15) }, 0, "after 1000 retry 1"],
    ["an unobserved exit is a failure", {}, { exit: { kind: "lost" } }, 0, "after 1000 retry 1"],
    ["a failed health check is a failure, whatever the code", {}, { by: "health", exit: code(0) }, 0, "after 1000 retry 1"],
    ["a start timeout is a failure, whatever the code", {}, { by: "timeout", exit: code(0) }, 0, "after 1000 retry 1"],
    ["a failed spawn is a failure", {}, { by: "spawn", exit: null }, 0, "after 1000 retry 1"],
    ["a failed pre_start is a failure", {}, { by: "hook", exit: null }, 0, "after 1000 retry 1"],
    ["a code of no_restart_exit_codes is not retried", { noRestartExitCodes: [78] }, { exit: code(78) }, 0, "failed"],
    ["no_restart_exit_codes forbids the restart after a clean exit too", { restartOnExit: true, noRestartExitCodes: [0] }, { exit: code(0) }, 0, "done"],
    ["no_restart_exit_codes does not apply to a run that sup ended", { noRestartExitCodes: [78] }, { by: "health", exit: code(78) }, 0, "after 1000 retry 1"],
    ["auto_restart off: a failure leads to failed", { autoRestart: false }, {}, 0, "failed"],
    ["auto_restart off: after a clean exit the unit stays down", { autoRestart: false }, { exit: code(0) }, 0, "done"],
    ["restart_on_exit does not need auto_restart", { autoRestart: false, restartOnExit: true }, { exit: code(0) }, 0, "after 1000 clean"],
    ["a restart after a clean exit waits retry_delay and uses up no retry", { restartOnExit: true, retryDelayMs: 7000 }, { exit: code(0) }, 4, "after 7000 clean"],
    ["a restart after a clean exit is possible with no retries left", { restartOnExit: true, maxRetries: 0 }, { exit: code(0) }, 0, "after 1000 clean"],
    ["a run shorter than reset_after goes on counting", {}, { ranMs: 59_999 }, 2, "after 4000 retry 3"],
    ["a run of reset_after begins anew", {}, { ranMs: 60_000 }, 5, "after 1000 retry 1"],
    ["a run that was never ready goes on counting", {}, { ranMs: null }, 5, "fatal"],
  ]; // prettier-ignore

  test.each(rows)("%s", (_, policy, ended, retries, decision) => {
    expect(describeDecision(decideFor(policy, ended, { retries }))).toBe(decision);
  });

  test("a restart after a clean exit uses up no retry", () => {
    expect(decideFor({ restartOnExit: true }, { exit: code(0) }, { retries: 0 }).ledger.retries).toBe(0);
  });
});

describe("retry_delay 0", () => {
  /** Starts and fails at once for `seconds`; each run takes `lastsMs`. Returns the times of the starts. */
  function hammer(seconds: number, lastsMs: number): number[] {
    const starts: number[] = [];
    let ledger: Ledger = NO_LEDGER;
    for (let now = 0; now < seconds * 1000;) {
      starts.push(now);
      ledger = noteStart(ledger, now);
      const end = now + lastsMs;
      const decision = decideFor({ retryDelayMs: 0, maxRetries: -1 }, { ranMs: lastsMs }, ledger, end);
      if (decision.kind !== "after") throw new Error("gave up");
      ledger = decision.ledger;
      now = end + decision.delayMs;
    }
    return starts;
  }

  test("restarts at once", () => {
    expect(describeDecision(decideFor({ retryDelayMs: 0 }))).toBe("after 0 retry 1");
  });

  test("more than 10 starts within a second are slowed to one a second", () => {
    const starts = hammer(5, 10);
    expect(starts.filter((at) => at < 1000)).toHaveLength(11);
    const rest = starts.slice(10);
    expect(rest.slice(1).map((at, i) => at - rest[i]!)).toEqual(rest.slice(1).map(() => 1000));
    expect(starts.length).toBeLessThanOrEqual(15);
  });

  test("10 starts within a second are not slowed", () => {
    expect(hammer(1, 100)).toHaveLength(10);
    expect(hammer(4, 100)).toHaveLength(40);
  });

  test("stays slow until a run lasts a second", () => {
    const throttled = { throttled: true, recentStarts: [5000] };
    expect(describeDecision(decideFor({ retryDelayMs: 0 }, { ranMs: 999 }, throttled, 5000))).toBe("after 1000 retry 1");
    const calm = decideFor({ retryDelayMs: 0 }, { ranMs: 1000 }, throttled, 6000);
    expect(describeDecision(calm)).toBe("after 0 retry 1");
    expect(calm.ledger.throttled).toBeFalse();
  });

  test("a clean exit is slowed like a failure", () => {
    const throttled = { throttled: true, recentStarts: [5000] };
    expect(describeDecision(decideFor({ retryDelayMs: 0, restartOnExit: true }, { exit: code(0), ranMs: 3 }, throttled, 5003))).toBe(
      "after 997 clean",
    );
  });

  test("the account of starts is bounded", () => {
    let ledger: Ledger = NO_LEDGER;
    for (let i = 0; i < 1000; i++) ledger = noteStart(ledger, 1);
    expect(ledger.recentStarts).toHaveLength(11);
    expect(noteStart(ledger, 1001).recentStarts).toEqual([1001]);
  });
});

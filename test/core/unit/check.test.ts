import { describe, expect, test } from "bun:test";
import {
  beginCheck,
  beginLiveCheck,
  beginProbe,
  healthChangeEvent,
  probed,
  type CheckResult,
  type CheckState,
} from "../../../src/core/unit/check.ts";
import type { CheckSpec } from "../../../src/spec/spec.ts";
import { CHECK } from "../fixtures.ts";

/** A check under test: probes run when they are due and take `tookMs`. */
class Checked {
  state: CheckState;
  nowMs = 0;
  readonly spec: CheckSpec;
  /** `ready at 0`, `unhealthy at 60000`, in order. */
  readonly verdicts: string[] = [];
  readonly probedAt: number[] = [];

  constructor(spec: Partial<CheckSpec> = {}, state: CheckState = beginCheck(1, 0)) {
    this.spec = { ...CHECK, ...spec };
    this.state = state;
  }

  /** The next probe at its time, with this result. */
  probe(kind: "ok" | "bad" | "broken" | "fallback", tookMs = 0): this {
    if (this.state.dueMs === null) throw new Error("no probe is due");
    this.nowMs = Math.max(this.nowMs, this.state.dueMs);
    this.probedAt.push(this.nowMs);
    this.state = beginProbe(this.state);
    this.nowMs += tookMs;
    return this.result(kind, this.state.seq);
  }

  result(kind: "ok" | "bad" | "broken" | "fallback", seq: number): this {
    const { state, verdict } = probed(this.state, this.spec, seq, resultOf(kind, this.nowMs), this.nowMs);
    this.state = state;
    if (verdict) this.verdicts.push(`${verdict} at ${this.nowMs}`);
    return this;
  }

  /** `ok bad bad` */
  probes(kinds: string): this {
    for (const kind of kinds.split(" ")) this.probe(kind as "ok");
    return this;
  }
}

const resultOf = (kind: "ok" | "bad" | "broken" | "fallback", atMs: number): CheckResult => ({
  atMs,
  kind: kind === "fallback" ? "ok" : kind,
  detail: kind,
  responseMs: kind === "broken" ? null : 1,
  fallback: kind === "fallback",
});

describe("becoming ready", () => {
  test("the first probe is due immediately, and health is `starting` until it passes", () => {
    const check = new Checked();
    expect(check.state).toMatchObject({ dueMs: 0, health: "starting", ready: false });
    check.probe("bad");
    expect(check.state).toMatchObject({ health: "starting", ready: false });
    check.probe("ok");
    expect(check.state).toMatchObject({ health: "healthy", ready: true });
    expect(check.verdicts).toEqual(["ready at 1000"]);
  });

  test("one pass makes the unit ready, whatever success_threshold says", () => {
    expect(new Checked({ successThreshold: 5 }).probe("ok").verdicts).toEqual(["ready at 0"]);
  });

  test("a pass of the fallback makes the unit ready and degraded", () => {
    const check = new Checked().probe("fallback");
    expect(check.verdicts).toEqual(["ready at 0"]);
    expect(check.state.health).toBe("degraded");
  });

  test("the `ready` verdict comes only once", () => {
    expect(new Checked().probes("ok ok bad ok").verdicts).toEqual(["ready at 0"]);
  });

  test("while starting, probes run every start_interval; once ready, every interval", () => {
    const check = new Checked({ startIntervalMs: 2000 }).probes("bad bad ok ok ok");
    expect(check.probedAt).toEqual([0, 2000, 4000, 34_000, 64_000]);
  });

  test("a start_interval above interval does not slow the check down", () => {
    expect(new Checked({ startIntervalMs: 90_000 }).probes("bad bad").probedAt).toEqual([0, 30_000]);
  });

  test("start_interval does not make the check stricter: failures closer than interval count as one", () => {
    const check = new Checked({ failureThreshold: 2 });
    for (let i = 0; i < 30; i++) check.probe("bad");
    expect(check.state.failures).toBe(1);
    expect(check.probe("bad").verdicts).toEqual(["unhealthy at 30000"]);
  });

  test("failures in start_period don't count", () => {
    const check = new Checked({ startPeriodMs: 5000, failureThreshold: 1 });
    for (let i = 0; i < 5; i++) check.probe("bad"); // at 0 to 4 s
    expect(check.state).toMatchObject({ failures: 0, health: "starting" });
    expect(check.probe("bad").verdicts).toEqual(["unhealthy at 5000"]);
  });

  test("a pass within start_period ends it: failures count from then on", () => {
    const check = new Checked({ startPeriodMs: 3_600_000, failureThreshold: 2 }).probes("ok bad bad");
    expect(check.verdicts).toEqual(["ready at 0", "unhealthy at 60000"]);
  });
});

describe("losing health", () => {
  test("failure_threshold failures in a row: unhealthy, not before", () => {
    const check = new Checked().probes("ok bad bad");
    expect(check.state).toMatchObject({ health: "healthy", failures: 2 });
    check.probe("bad");
    expect(check.state.health).toBe("unhealthy");
    expect(check.verdicts).toEqual(["ready at 0", "unhealthy at 90000"]);
  });

  test("one pass resets the failure count", () => {
    const check = new Checked().probes("ok bad bad ok bad bad");
    expect(check.state).toMatchObject({ health: "healthy", failures: 2 });
    expect(check.verdicts).toEqual(["ready at 0"]);
  });

  test("a broken probe counts neither as a failure nor as a success", () => {
    const check = new Checked().probes("ok bad bad broken broken broken");
    expect(check.state).toMatchObject({ health: "healthy", failures: 2 });
    expect(check.probe("bad").verdicts.at(-1)).toBe("unhealthy at 180000");
    expect(new Checked().probes("broken broken").state).toMatchObject({ health: "starting", ready: false });
  });

  test("with threshold 1, the first failure makes it unhealthy", () => {
    expect(new Checked({ failureThreshold: 1 }).probes("ok bad").verdicts).toEqual(["ready at 0", "unhealthy at 30000"]);
  });

  test("after the verdict, no probe is due until the next run", () => {
    const check = new Checked({ failureThreshold: 1 }).probes("ok bad");
    expect(check.state.dueMs).toBeNull();
    expect(beginCheck(2, 70_000)).toMatchObject({ run: 2, health: "starting", failures: 0, dueMs: 70_000 });
  });

  test("a failure of both the primary and the fallback counts as one failure; a pass of the fallback counts as none", () => {
    const check = new Checked().probes("ok bad bad fallback");
    expect(check.state).toMatchObject({ health: "degraded", failures: 0 });
    expect(check.probes("bad bad").state.health).toBe("degraded");
    expect(check.probe("bad").state.health).toBe("unhealthy");
  });

  test("`degraded` brings no verdict, and a pass of the primary ends it", () => {
    const check = new Checked().probes("ok fallback fallback fallback fallback");
    expect(check.verdicts).toEqual(["ready at 0"]);
    expect(check.probe("ok").state.health).toBe("healthy");
  });
});

describe("action none", () => {
  const spec = { action: "none", failureThreshold: 2, successThreshold: 3 } as const;

  test("the verdict comes once until the unit recovers, and probes continue", () => {
    const check = new Checked(spec).probes("ok bad bad bad bad bad");
    expect(check.verdicts).toEqual(["ready at 0", "unhealthy at 60000"]);
    expect(check.state).toMatchObject({ health: "unhealthy", dueMs: 180_000 });
  });

  test("it recovers after success_threshold successes in a row, and may become unhealthy again", () => {
    const check = new Checked(spec).probes("ok bad bad ok ok");
    expect(check.state.health).toBe("unhealthy");
    check.probes("bad ok ok");
    expect(check.state.health).toBe("unhealthy");
    check.probe("ok");
    expect(check.state.health).toBe("healthy");
    expect(check.probes("bad bad").verdicts).toHaveLength(3);
  });

  test("it may recover to degraded", () => {
    expect(new Checked(spec).probes("ok bad bad fallback fallback fallback").state.health).toBe("degraded");
  });

  test("a unit that has never passed becomes unhealthy, and ready at its first pass", () => {
    const check = new Checked({ ...spec, failureThreshold: 1, successThreshold: 2 }).probes("bad ok");
    expect(check.verdicts).toEqual(["unhealthy at 0", "ready at 1000"]);
    expect(check.state.health).toBe("unhealthy");
    expect(check.probe("ok").state.health).toBe("healthy");
  });
});

describe("time", () => {
  test("checks don't drift, however long a probe takes", () => {
    const check = new Checked({}, beginLiveCheck(1, 0));
    for (const took of [10, 2000, 1, 29_000]) check.probe("ok", took);
    expect(check.probedAt).toEqual([0, 30_000, 60_000, 90_000]);
  });

  test("slots that pass during a slow probe are skipped; probes never overlap", () => {
    const check = new Checked({}, beginLiveCheck(1, 0)).probe("ok", 65_000).probe("ok");
    expect(check.probedAt).toEqual([0, 90_000]);
  });

  test("no probe is due while one runs", () => {
    const state = beginProbe(beginCheck(1, 0));
    expect(state).toMatchObject({ dueMs: null, probing: true, seq: 1 });
  });

  test("after a suspended daemon resumes, one probe runs, not one for each missed slot", () => {
    const check = new Checked({}, beginLiveCheck(1, 0)).probe("ok");
    check.nowMs = 1_000_000;
    check.probe("ok").probe("ok");
    expect(check.probedAt).toEqual([0, 1_000_000, 1_020_000]);
  });
});

describe("results", () => {
  test("a late result of an earlier probe is dropped, and so is a second result of the same probe", () => {
    const check = new Checked({ failureThreshold: 1 }).probe("ok").probe("ok");
    const before = check.state;
    expect(check.result("bad", 1).state).toBe(before);
    expect(check.result("bad", 2).state).toBe(before);
    expect(check.result("bad", 3).state).toBe(before);
  });

  test("the last 10 are kept, newest last", () => {
    const check = new Checked();
    for (let i = 0; i < 25; i++) check.probe("ok");
    expect(check.state.results.map((result) => result.atMs / 30_000)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
  });

  test("the result of a broken probe is kept with its cause", () => {
    expect(new Checked().probe("broken").state.results).toMatchObject([{ kind: "broken", detail: "broken" }]);
  });
});

describe("a check added to a running unit", () => {
  test("does not affect readiness: health is `unknown` until success_threshold is reached", () => {
    const check = new Checked({ successThreshold: 2 }, beginLiveCheck(4, 0));
    expect(check.state).toMatchObject({ run: 4, health: "unknown", ready: true });
    check.probe("ok");
    expect(check.state.health).toBe("unknown");
    check.probe("ok");
    expect(check.state.health).toBe("healthy");
    expect(check.verdicts).toEqual([]);
  });

  test("becomes unhealthy at failure_threshold", () => {
    expect(new Checked({ failureThreshold: 2 }, beginLiveCheck(1, 0)).probes("bad bad").verdicts).toEqual(["unhealthy at 30000"]);
  });

  test("has no start_period", () => {
    const check = new Checked({ failureThreshold: 1, startPeriodMs: 60_000 }, beginLiveCheck(1, 0)).probe("bad");
    expect(check.verdicts).toEqual(["unhealthy at 0"]);
  });
});

describe("the history entry for a change of health", () => {
  type Health = CheckState["health"];
  const entry = (was: Health, is: Health, action: CheckSpec["action"] = "restart"): string | null => {
    const [before, after] = [was, is].map((health) => ({ ...beginCheck(1, 0), health, failures: 3 })) as [CheckState, CheckState];
    const effect = healthChangeEvent(before, after, { ...CHECK, action }, resultOf("bad", 0));
    return effect?.type === "record" ? `${effect.event.type}: ${effect.event.message}` : null;
  };

  test.each<[Health, Health, CheckSpec["action"], string | null]>([
    ["starting", "healthy", "restart", null],
    ["unknown", "healthy", "restart", null],
    ["healthy", "healthy", "restart", null],
    ["starting", "degraded", "restart", "degraded: only the fallback check passes: bad"],
    ["healthy", "degraded", "none", "degraded: only the fallback check passes: bad"],
    ["degraded", "healthy", "restart", "healthy: healthy again: bad"],
    ["unhealthy", "healthy", "none", "healthy: healthy again: bad"],
    ["healthy", "unhealthy", "restart", null],
    ["healthy", "unhealthy", "none", "unhealthy: health check failed 3 times in a row: bad; left running (action none)"],
  ])("%s to %s with action %s: %p", (was, is, action, wanted) => {
    expect(entry(was, is, action)).toBe(wanted);
  });
});

import { describe, expect, test } from "bun:test";
import { advance, isActive, isUnfinished, revert, type Rollout, type UnitFact } from "../../../src/core/service/rollout.ts";
import { stepsOf } from "../../../src/core/service/rollout-steps.ts";

const HEALTHY: UnitFact = {
  run: 1,
  isWanted: true,
  isReady: true,
  isHealthy: true,
  failure: null,
  isLost: false,
  hasGivenUp: false,
  version: 0,
};
const STARTING: UnitFact = { ...HEALTHY, isReady: false, isHealthy: false };

const unit = (id: string, isSurge = false) => ({ id, isSurge, phase: "old", before: 0, run: null, healthySinceMs: null }) as const;

const rollout = (members: number, surge: number, more: Partial<Rollout> = {}): Rollout => ({
  ...{ generation: 1, state: "running", unavailable: 0, wanted: members, minHealthyMs: 5000, progressDeadlineMs: 60_000 },
  ...{ startedMs: 0, progressMs: 0, endedMs: null, failure: null },
  ...{ canary: 0, autoReverts: false, awaitsPromotion: false, endsAs: null },
  units: [
    ...Array.from({ length: members }, (_, i) => unit(`m${i + 1}`)),
    ...Array.from({ length: surge }, (_, i) => unit(`s${i + 1}`, true)),
  ],
  ...more,
});

/** A service whose units do what they are told; a test decides what becomes of them. */
class Play {
  now = 0;
  state: Rollout;
  readonly #pending: string[] = [];
  readonly facts = new Map<string, UnitFact>();

  constructor(state: Rollout) {
    this.state = state;
    for (const { id, isSurge } of state.units) if (!isSurge) this.facts.set(id, HEALTHY);
  }

  /** Advances once, and returns the actions. A unit begins its next run one step after the action, and a removed one is gone. */
  step(ms = 0): string[] {
    this.now += ms;
    for (const id of this.#pending.splice(0)) this.set(id, { run: this.facts.get(id)!.run + 1 });
    const { rollout: next, actions } = advance(this.state, (id) => this.facts.get(id) ?? null, this.now);
    this.state = next;
    for (const { type, id } of actions) {
      if (type === "remove") this.facts.delete(id);
      else {
        this.facts.set(id, { ...STARTING, run: this.facts.get(id)?.run ?? 0 });
        this.#pending.push(id);
      }
    }
    return actions.map(({ type, id }) => `${type} ${id}`);
  }

  set(id: string, more: Partial<UnitFact>): this {
    this.facts.set(id, { ...this.facts.get(id)!, ...more });
    return this;
  }

  healthy = (id: string): this => this.set(id, { isReady: true, isHealthy: true });
}

describe("with one additional unit", () => {
  test("it is started first, then the members one after the other, and it leaves at the end", () => {
    const play = new Play(rollout(2, 1));
    expect(play.step()).toEqual(["start s1"]);
    expect(play.step(1000)).toEqual([]);
    play.healthy("s1");
    expect(play.step()).toEqual([]);
    expect(play.step(4999)).toEqual([]);
    expect(play.step(1)).toEqual(["replace m1"]);
    play.healthy("m1").step();
    expect(play.step(5000)).toEqual(["replace m2"]);
    play.healthy("m2").step();
    expect(play.step(5000)).toEqual(["remove s1"]);
    expect(play.state.state).toBe("running");
    play.step();
    expect(play.state).toMatchObject({ state: "done", endedMs: play.now });
    expect(isUnfinished(play.state)).toBe(false);
  });

  test("a single member is never without a ready unit", () => {
    expect(stepsOf(rollout(1, 1))).toEqual(["start s1, an additional unit", "restart m1", "stop and remove s1"]);
  });

  test("a new unit that becomes unhealthy within min_healthy_time starts counting anew", () => {
    const play = new Play(rollout(1, 1));
    play.step();
    play.healthy("s1").step();
    play.set("s1", { isHealthy: false }).step(4000);
    play.healthy("s1").step(1000);
    expect(play.step(4000)).toEqual([]);
    expect(play.step(1000)).toEqual(["replace m1"]);
  });
});

test("more additional units let as many members restart at a time", () => {
  const play = new Play(rollout(4, 2));
  expect(play.step()).toEqual(["start s1", "start s2"]);
  play.healthy("s1").step();
  expect(play.step(5000)).toEqual(["replace m1"]);
  play.healthy("s2").step();
  expect(play.step(5000)).toEqual(["replace m2"]);
});

test("without additional units as many members restart at a time as may be unavailable", () => {
  const play = new Play(rollout(3, 0, { unavailable: 2 }));
  expect(play.step()).toEqual(["replace m1", "replace m2"]);
  play.healthy("m2").step();
  expect(play.step(5000)).toEqual(["replace m3"]);
});

test("a member that serves nobody is restarted at any time, one that was stopped not at all", () => {
  const play = new Play(rollout(3, 1));
  play.set("m2", { isReady: false, isHealthy: false }).set("m3", { isWanted: false, isReady: false });
  expect(play.step()).toEqual(["replace m2", "start s1"]);
  expect(play.state.units.map(({ phase }) => phase)).toEqual(["old", "starting", "gone", "starting"]);
});

test("a degraded service waits, and fails at the deadline", () => {
  const play = new Play(rollout(2, 1));
  play.step();
  play.healthy("s1").set("m2", { isReady: false }).step();
  play.state = { ...play.state, units: play.state.units.map((one) => (one.id === "m2" ? { ...one, phase: "new" } : one)) };
  expect(play.step(5000)).toEqual([]);
  play.step(59_999);
  expect(play.state.state).toBe("running");
  play.step(1);
  expect(play.state).toMatchObject({ state: "failed", failure: "too few units are ready within 60 s" });
});

describe("it fails", () => {
  test.each<[string, (play: Play) => void, string]>([
    ["when the new run fails", (play) => play.set("s1", { failure: "exit code 1" }), "s1: exit code 1"],
    ["when the new run was started again", (play) => play.healthy("s1").step() && play.set("s1", { run: 2 }), "started again"],
    ["when it is stopped", (play) => play.set("s1", { isWanted: false }), "s1 was stopped"],
    ["when it is not healthy in time", (play) => (play.now = 60_000), "s1 did not become healthy within 60 s"],
  ])("%s, and only the new unit leaves", (_, happens, failure) => {
    const play = new Play(rollout(2, 1));
    play.step();
    play.step();
    happens(play);
    expect(play.step()).toEqual(["remove s1"]);
    expect(play.state).toMatchObject({ state: "failed", failure: expect.stringContaining(failure) });
    play.step();
    expect(isUnfinished(play.state)).toBe(false);
    expect([...play.facts]).toEqual([
      ["m1", HEALTHY],
      ["m2", HEALTHY],
    ]);
  });

  test("but not when sup was killed while the new unit started: its next run counts instead", () => {
    for (const isNoticedLate of [false, true]) {
      const play = new Play(rollout(1, 1));
      play.step();
      play.step();
      if (!isNoticedLate) play.set("s1", { failure: "exit status unknown", isLost: true });
      expect(play.step()).toEqual([]);
      play.set("s1", { run: 2, failure: null, isLost: true }).healthy("s1");
      play.step();
      expect(play.step(5000)).toEqual(["replace m1"]);
      expect(play.state.state).toBe("running");
    }
    const play = new Play(rollout(1, 1));
    play.step();
    play.set("s1", { run: 1, failure: "exit status unknown", isLost: true }).step();
    play.set("s1", { run: 2, failure: "exit code 1", isLost: false });
    expect(play.step()).toEqual(["remove s1"]);
  });

  test("and not when sup was killed and the new unit has no retries: the rollout starts it again", () => {
    const play = new Play(rollout(1, 1));
    play.step();
    play.set("s1", { run: 1, failure: "exit status unknown", isLost: true, hasGivenUp: true });
    expect(play.step()).toEqual(["replace s1"]);
    play.step();
    play.healthy("s1").step();
    expect(play.step(5000)).toEqual(["replace m1"]);
    play.set("m1", { run: 2, failure: "exit status unknown", isLost: true, hasGivenUp: true });
    expect(play.step()).toEqual(["replace m1"]);
    expect(play.state.state).toBe("running");
  });

  test("when a restart is refused before it happens", () => {
    const play = new Play(rollout(2, 0, { unavailable: 1 }));
    play.step();
    play.facts.set("m1", { ...HEALTHY, failure: "pre_restart: exit code 1" });
    expect(play.step()).toEqual([]);
    expect(play.state).toMatchObject({ state: "failed", failure: "m1: pre_restart: exit code 1" });
  });

  test("at a member: a proven additional unit stays until the member is ready again", () => {
    const play = new Play(rollout(2, 1));
    play.step();
    play.healthy("s1").step();
    expect(play.step(5000)).toEqual(["replace m1"]);
    play.set("m1", { failure: "exit code 1" });
    expect(play.step()).toEqual([]);
    expect([play.state.state, isActive(play.state), isUnfinished(play.state)]).toEqual(["failed", false, true]);
    play.set("m1", { failure: null }).healthy("m1");
    expect(play.step()).toEqual(["remove s1"]);
  });
});

describe("paused", () => {
  test("nothing is done, and the deadline does not pass", () => {
    const play = new Play(rollout(2, 1));
    play.step();
    play.state = { ...play.state, state: "paused" };
    play.healthy("s1").step();
    expect(play.step(100_000)).toEqual([]);
    expect(advance(play.state, () => null, play.now).dueMs).toBeNull();
    play.state = { ...play.state, state: "running", progressMs: play.now };
    expect(play.step()).toEqual(["replace m1"]);
  });

  test("cancelled: the additional unit leaves, and the member that was being restarted is completed", () => {
    const play = new Play(rollout(2, 1));
    play.step();
    play.healthy("s1").step();
    play.step(5000);
    play.state = { ...play.state, state: "cancelled" };
    expect(play.step()).toEqual([]);
    expect(play.healthy("m1").step()).toEqual(["remove s1"]);
  });
});

test("the next deadline is the end of min_healthy_time, or the progress deadline", () => {
  const play = new Play(rollout(1, 1));
  const due = () => advance(play.state, (id) => play.facts.get(id) ?? null, play.now).dueMs;
  play.step();
  expect(due()).toBe(60_000);
  play.now = 100;
  play.healthy("s1").step();
  expect(due()).toBe(5100);
});

describe("a canary", () => {
  const begun = (): Play => {
    const play = new Play(rollout(2, 1, { canary: 1 }));
    play.step();
    play.step();
    play.healthy("s1").step();
    play.step(5000);
    return play;
  };

  test("pauses after the new units that it allows, without a deadline", () => {
    const play = begun();
    expect(play.state).toMatchObject({ state: "paused", awaitsPromotion: true });
    expect([play.step(1_000_000), play.state.state]).toEqual([[], "paused"]);
    expect(stepsOf(rollout(2, 1, { canary: 1 }))).toEqual([
      ...["start s1, an additional unit", "wait for a decision: promote or rollback"],
      ...["restart m1", "restart m2", "stop and remove s1"],
    ]);
  });

  test("that fails while it waits ends the rollout", () => {
    const play = begun().set("s1", { isReady: false, isHealthy: false, failure: "exit code 1" });
    play.step();
    expect(play.state).toMatchObject({ state: "failed", awaitsPromotion: false, failure: "s1: exit code 1" });
  });
});

describe("a revert", () => {
  test("restarts the units of the new version, while its proven additional unit serves, and ends as it should", () => {
    const play = new Play(rollout(3, 1, { autoReverts: true }));
    play.step();
    play.step();
    for (const id of ["s1", "m1"]) {
      play.healthy(id).step();
      play.step(5000);
      play.step();
    }
    play.set("m1", { version: 1 }).set("m2", { version: 1, failure: "exit code 1" });
    const facts = (id: string): UnitFact | null => play.facts.get(id) ?? null;
    const failed = advance(play.state, facts, play.now, true);
    expect([failed.rollout.state, failed.actions]).toEqual(["failed", []]);
    play.state = revert(failed.rollout, "failed", 0, facts, play.now);
    expect(play.state.units.map(({ id, phase }) => `${id} ${phase}`)).toEqual(["m1 old", "m2 old", "m3 new", "s1 new"]);
    play.set("m2", { failure: null });
    expect(play.step()).toEqual(["replace m2"]);
    play.step();
    play.healthy("m2").set("m2", { version: 0 }).step();
    expect(play.step(5000)).toEqual(["replace m1"]);
    play.step();
    play.healthy("m1").step();
    expect(play.step(5000)).toEqual(["remove s1"]);
    play.step();
    expect(play.state).toMatchObject({ state: "failed", failure: "m2: exit code 1" });
  });

  test("ends without a second failure if only the additional unit ran the new version and failed", () => {
    const play = new Play(rollout(2, 1, { autoReverts: true }));
    play.step();
    play.step();
    play.set("s1", { version: 1, failure: "exit code 2" });
    const facts = (id: string): UnitFact | null => play.facts.get(id) ?? null;
    const failed = advance(play.state, facts, play.now, true);
    play.state = revert(failed.rollout, "failed", 0, facts, play.now);
    expect(play.step()).toEqual(["remove s1"]);
    play.step();
    expect(play.state).toMatchObject({ state: "failed", failure: "s1: exit code 2" });
    expect(play.state.units.map(({ id, phase }) => `${id} ${phase}`)).toEqual(["m1 new", "m2 new", "s1 gone"]);
  });
});

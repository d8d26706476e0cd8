import { describe, expect, test } from "bun:test";
import type { Condition } from "../../../src/base/words.ts";
import { blocks, conditionOf, isMet } from "../../../src/core/world/dependencies.ts";
import { PHASES, type Phase } from "../../../src/core/unit/phase.ts";
import { freshUnit, type Unit } from "../../../src/core/unit/record.ts";
import { makeSpec, ref, type SpecParts } from "../fixtures.ts";

const LIVE: readonly Phase[] = ["starting", "running", "reloading", "stopping", "killing"];
const unitIn = (phase: Phase, parts: Partial<Unit> = {}): Unit => ({
  ...freshUnit("db"),
  run: 1,
  want: "up",
  process: LIVE.includes(phase) ? ref(7) : null,
  phase,
  ...parts,
});

describe("a condition is met", () => {
  const rows: ReadonlyArray<readonly [condition: Condition, phases: readonly Phase[]]> = [
    ["started", ["starting", "running", "reloading", "exited"]],
    ["ready", ["running", "reloading", "exited"]],
    ["completed", ["idle", "exited", "failed", "fatal"]],
    ["succeeded", ["exited"]],
  ];

  test.each(rows)("%s: in %j, and in no other phase", (condition, phases) => {
    expect(PHASES.filter((phase) => isMet(condition, unitIn(phase))).toSorted()).toEqual(phases.toSorted());
  });

  test("started not before exec", () => {
    expect(isMet("started", unitIn("starting", { process: null }))).toBeFalse();
  });

  test("not by a unit that was told to stop", () => {
    expect(isMet("ready", unitIn("running", { want: "down" }))).toBeFalse();
    expect(isMet("succeeded", unitIn("exited", { want: "down" }))).toBeFalse();
  });

  test("completed not by a unit that never ran", () => {
    expect(isMet("completed", unitIn("idle", { run: 0 }))).toBeFalse();
  });

  test("all but completed by what a oneshot has done and left", () => {
    for (const condition of ["started", "ready", "succeeded"] as const)
      expect(isMet(condition, unitIn("idle", { want: "down", succeeded: true }))).toBeTrue();
  });
});

describe("the condition in force", () => {
  const edge = (condition: Condition | null) => ({ unit: "db", condition, required: true, restart: false, quorum: null });

  test.each([
    [null, "simple", "ready"],
    [null, "notify", "ready"],
    [null, "oneshot", "succeeded"],
    ["started", "oneshot", "started"],
  ] as const)("written %p, of a %s: %s", (condition, type, expected) => {
    expect(conditionOf(edge(condition), makeSpec("db", { type }))).toBe(expected);
  });
});

describe("a dependency blocks", () => {
  const SPECS: Record<string, SpecParts> = { db: { dependencies: ["far"] }, far: {} };
  const edge = (required: boolean) => ({ unit: "db", condition: null, required, restart: false, quorum: null });

  /** Does a unit wait for `db` while it and `far` are in these phases? */
  function waits(required: boolean, db: Phase | null, far: Phase | null = "running"): boolean {
    const phases: Record<string, Phase | null> = { db, far };
    return blocks(edge(required), (id) => {
      const phase = phases[id] ?? null;
      return phase === null ? undefined : { spec: makeSpec(id, SPECS[id]), unit: { ...unitIn(phase), id } };
    });
  }

  test("when required: in every phase that does not meet it, and when it is missing", () => {
    expect(PHASES.filter((phase) => !waits(true, phase))).toEqual(["running", "reloading", "exited"]);
    expect(waits(true, null)).toBeTrue();
  });

  test("when it only orders: while it is on its way or going, not when it failed, is down or missing", () => {
    const free: Phase[] = ["idle", "running", "reloading", "exited", "backoff", "failed", "fatal"];
    expect(PHASES.filter((phase) => !waits(false, phase))).toEqual(free);
    expect(waits(false, null)).toBeFalse();
  });

  test("when it only orders and waits itself: as long as what it waits for is on its way", () => {
    expect(PHASES.filter((far) => !waits(false, "waiting", far))).toEqual(["idle", "backoff", "failed", "fatal"]);
    expect(waits(false, "waiting", null)).toBeFalse();
  });
});

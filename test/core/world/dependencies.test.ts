import { describe, expect, test } from "bun:test";
import type { Condition } from "../../../src/base/words.ts";
import { Services } from "../../../src/core/service/services.ts";
import { blocks, conditionOf, culpritOf, isMet, type Lookup, type Target } from "../../../src/core/world/dependencies.ts";
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

/** Units in these phases; null: there is no such unit. */
function lookupOf(phases: Readonly<Record<string, Phase | null>>, specs: Readonly<Record<string, SpecParts>>): Lookup {
  const services = new Services();
  const targets = new Map<string, Target>();
  for (const [id, phase] of Object.entries(phases)) {
    if (phase === null) continue;
    const spec = makeSpec(id, specs[id]);
    services.change(undefined, spec);
    targets.set(id, { spec, unit: { ...unitIn(phase), id } });
  }
  return { services, get: (id) => targets.get(id) };
}

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

  test("any by a unit whose start was skipped, as long as nothing else has happened", () => {
    for (const condition of ["started", "ready", "completed", "succeeded"] as const) {
      expect(isMet(condition, unitIn("idle", { run: 0, want: "down", reason: "condition" }))).toBeTrue();
      expect(isMet(condition, unitIn("waiting", { reason: "condition" }))).toBeFalse();
      expect(isMet(condition, unitIn("idle", { run: 0, want: "down", reason: "operator" }))).toBeFalse();
    }
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
    return blocks(edge(required), lookupOf(phases, SPECS));
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

describe("a dependency on a service of three", () => {
  const UNITS = ["web@1", "web@2", "web@3"];
  const SPECS = Object.fromEntries(UNITS.map((id) => [id, { service: "web" }]));
  const edge = (quorum: number | null, required = true) => ({ unit: "web", condition: null, required, restart: false, quorum });
  const lookup = (...phases: readonly Phase[]): Lookup =>
    lookupOf(Object.fromEntries(phases.map((phase, at) => [UNITS[at], phase])), SPECS);

  test.each([
    ["all of them, when no quorum is written", null, ["running", "running", "starting"], true],
    ["all of them are there", null, ["running", "running", "running"], false],
    ["a quorum of one", 1, ["fatal", "running", "starting"], false],
    ["a quorum of one, and none is ready", 1, ["starting", "waiting", "backoff"], true],
    ["a quorum of two, and one is ready", 2, ["running", "fatal", "starting"], true],
    ["a quorum of two", 2, ["running", "fatal", "exited"], false],
  ] as const)("waits for %s", (_, quorum, phases, expected) => {
    expect(blocks(edge(quorum), lookup(...phases))).toBe(expected);
  });

  test("one that only orders waits as long as a quorum can still be reached", () => {
    expect(blocks(edge(2, false), lookup("running", "starting", "fatal"))).toBeTrue();
    expect(blocks(edge(2, false), lookup("running", "backoff", "fatal"))).toBeFalse();
    expect(blocks(edge(null, false), lookup("starting", "starting", "fatal"))).toBeFalse();
  });

  test("cannot be met when too many of its units are down: the first of them is named", () => {
    expect(culpritOf(edge(2), lookup("running", "fatal", "backoff"))).toBeNull();
    expect(culpritOf(edge(2), lookup("running", "fatal", "failed"))).toBe("web@2, which is fatal");
    expect(culpritOf(edge(null), lookup("running", "starting", "idle"))).toBe("web@3, which is stopped");
    expect(culpritOf({ ...edge(null), unit: "db" }, lookup("running"))).toBe("db, which is not loaded");
  });

  test("cannot be met when it has fewer units than the quorum asks for", () => {
    expect(culpritOf(edge(2), lookup("running"))).toBe("2 units of web, of which 1 is loaded");
  });

  test("the name of one of its units stands for that unit alone", () => {
    const one = { ...edge(null), unit: "web@2" };
    expect(blocks(one, lookup("fatal", "running", "fatal"))).toBeFalse();
    expect(blocks(one, lookup("running", "starting", "running"))).toBeTrue();
  });
});

test("a dependency that waits itself for what is down cannot be met either: the unit that is down is named", () => {
  const specs = { a: { dependencies: ["b"] }, b: { dependencies: ["c"] } };
  const edge = { unit: "a", condition: null, required: true, restart: false, quorum: null };
  expect(culpritOf(edge, lookupOf({ a: "waiting", b: "waiting", c: "fatal" }, specs))).toBe("c, which is fatal");
  expect(culpritOf(edge, lookupOf({ a: "waiting", b: "waiting", c: null }, specs))).toBe("c, which is not loaded");
  expect(culpritOf(edge, lookupOf({ a: "waiting", b: "waiting", c: "backoff" }, specs))).toBeNull();
  const circle = { a: { dependencies: ["b"] }, b: { dependencies: ["a"] } };
  expect(culpritOf(edge, lookupOf({ a: "waiting", b: "waiting" }, circle))).toBeNull();
});

test("two units of a service that wait for the same unit that is down are both out of reach", () => {
  const specs = { "a@1": { service: "a", dependencies: ["b"] }, "a@2": { service: "a", dependencies: ["b"] }, b: { dependencies: ["c"] } };
  const lookup = lookupOf({ "a@1": "waiting", "a@2": "waiting", b: "waiting", c: "fatal" }, specs);
  const edge = { unit: "a", condition: null, required: true, restart: false, quorum: 1 };
  expect(culpritOf(edge, lookup)).toBe("c, which is fatal");
  expect(blocks({ ...edge, required: false }, lookup)).toBeFalse();
});

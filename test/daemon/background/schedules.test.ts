import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { Schedules } from "../../../src/daemon/background/schedules.ts";
import type { ScheduleSpec } from "../../../src/spec/spec.ts";
import type { SpecParts } from "../../core/fixtures.ts";
import { NEW_YEAR, SmallDaemon } from "./small-daemon.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const every = (everyMs: number, more: Partial<ScheduleSpec> = {}): SpecParts => ({
  type: "oneshot",
  schedule: { cron: null, timezone: null, everyMs, catchUp: false, overlap: "skip", ...more },
});
const cron = (words: string, more: Partial<ScheduleSpec> = {}): SpecParts => every(0, { cron: words, everyMs: null, ...more });

/** A daemon with its schedules; `kept` is what earlier daemons wrote into the store. */
function scheduled(units: Readonly<Record<string, SpecParts>>, kept = new Map<string, string>(), atMs = 0) {
  const daemon = new SmallDaemon(units, atMs);
  const inactive = new Set<string>();
  const schedules = new Schedules({
    world: daemon.world,
    clock: daemon.clock,
    store: { get: (key) => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value) },
    engine: daemon.engine,
    recorder: daemon.recorder,
    isActive: (id) => !inactive.has(id),
  });
  schedules.start();
  return { daemon, schedules, kept, inactive, nextMs: (id: string): number | null | undefined => schedules.planOf(id)?.nextMs };
}

test("a unit runs at its times, not when it is loaded", async () => {
  const { daemon, nextMs } = scheduled({ job: every(HOUR) });
  expect(daemon.unit("job").run).toBe(0);
  expect(nextMs("job")).toBe(NEW_YEAR + HOUR);
  await daemon.pass(HOUR - 1);
  expect(daemon.unit("job").run).toBe(0);
  await daemon.pass(1);
  expect(daemon.unit("job")).toMatchObject({ run: 1, phase: "running", reason: "schedule" });
  expect(nextMs("job")).toBe(NEW_YEAR + 2 * HOUR);
  await daemon.exits("job");
  await daemon.pass(HOUR);
  expect(daemon.unit("job").run).toBe(2);
  expect(daemon.told).toEqual([]);
});

test("a time further away than one timer can wait is kept all the same", async () => {
  const { daemon } = scheduled({ job: cron("30 2 * * *") });
  for (let hour = 0; hour < 2; hour++) await daemon.pass(HOUR);
  await daemon.pass(HOUR / 2 - 1);
  expect(daemon.unit("job").run).toBe(0);
  await daemon.pass(1);
  expect(daemon.unit("job").run).toBe(1);
});

describe("the last run is not over", () => {
  const overlapping = async (overlap: ScheduleSpec["overlap"]) => {
    const scene = scheduled({ job: every(HOUR, { overlap }) });
    await scene.daemon.pass(HOUR);
    await scene.daemon.pass(HOUR);
    return scene;
  };

  test("skip: the time is left out", async () => {
    const { daemon } = await overlapping("skip");
    expect(daemon.told).toEqual(["schedule-skipped job"]);
    await daemon.exits("job");
    expect(daemon.unit("job").run).toBe(1);
  });

  test("queue: it runs right after, once, however many times came", async () => {
    const { daemon, schedules } = await overlapping("queue");
    await daemon.pass(HOUR);
    expect(daemon.told).toEqual(["schedule-queued job"]);
    expect(schedules.planOf("job")!.queued).toBe(true);
    await daemon.exits("job");
    expect(daemon.unit("job")).toMatchObject({ run: 2, phase: "running" });
    expect(schedules.planOf("job")!.queued).toBe(false);
    await daemon.exits("job");
    expect(daemon.unit("job").run).toBe(2);
  });

  test("kill: it is ended first", async () => {
    const { daemon } = await overlapping("kill");
    expect(daemon.told).toEqual(["schedule-overlap job"]);
    expect(daemon.unit("job")).toMatchObject({ run: 2, phase: "running" });
  });
});

describe("a time that passed while nobody was there", () => {
  const missed = async (more: Partial<ScheduleSpec>, awayMs: number) => {
    const first = scheduled({ job: every(HOUR, more) });
    first.schedules.close();
    const next = scheduled({ job: every(HOUR, more) }, first.kept, awayMs);
    await next.daemon.settle();
    return next;
  };

  test("is missed, and said so", async () => {
    const { daemon, nextMs } = await missed({}, 90 * MINUTE);
    expect(daemon.told).toEqual(["schedule-missed job"]);
    expect(daemon.messages[0]).toContain("2026-01-01T01:00:00.000Z");
    expect(daemon.unit("job").run).toBe(0);
    expect(nextMs("job")).toBe(NEW_YEAR + 2 * HOUR);
  });

  test("with catch_up it runs at once", async () => {
    const { daemon, nextMs } = await missed({ catchUp: true }, 90 * MINUTE);
    expect(daemon.told).toEqual([]);
    expect(daemon.unit("job").run).toBe(1);
    expect(nextMs("job")).toBe(NEW_YEAR + 2 * HOUR);
  });

  test("a moment late is not missed", async () => {
    const { daemon } = await missed({}, HOUR + MINUTE);
    expect(daemon.told).toEqual([]);
    expect(daemon.unit("job").run).toBe(1);
  });

  test("nothing was missed when the next daemon is there in time", async () => {
    const { daemon, nextMs } = await missed({}, 30 * MINUTE);
    expect(daemon.told).toEqual([]);
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR);
  });

  test("a damaged plan is as if there were none", () => {
    const { nextMs } = scheduled({ job: every(HOUR) }, new Map([["schedule:job", "{damaged"]]), 10 * MINUTE);
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR + 10 * MINUTE);
  });
});

describe("the wall clock is set", () => {
  test("`every` moves with it", async () => {
    const { daemon, schedules, nextMs } = scheduled({ job: every(HOUR) });
    daemon.setClockBy(DAY);
    schedules.lookAtClock();
    expect(nextMs("job")).toBe(NEW_YEAR + DAY + HOUR);
    await daemon.pass(HOUR);
    expect(daemon.unit("job").run).toBe(1);
  });

  test("a time of the clock does not; a jump past it by far is a miss", async () => {
    const { daemon, schedules, nextMs } = scheduled({ job: cron("0 12 * * *") });
    daemon.setClockBy(13 * HOUR);
    schedules.lookAtClock();
    await daemon.pass(0);
    expect(daemon.told).toEqual(["schedule-missed job"]);
    expect(nextMs("job")).toBe(NEW_YEAR + DAY + 12 * HOUR);
  });

  test("less than half a second is not a step", () => {
    const { daemon, schedules, nextMs } = scheduled({ job: every(HOUR) });
    daemon.setClockBy(499);
    schedules.lookAtClock();
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR);
    daemon.setClockBy(500);
    schedules.lookAtClock();
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR + 500);
  });
});

describe("what is planned follows the units", () => {
  test("a unit that is switched off has no plan, and none of its times comes", async () => {
    const { daemon, schedules, inactive } = scheduled({ job: every(HOUR) });
    inactive.add("job");
    schedules.check("job");
    expect(schedules.planOf("job")).toBeUndefined();
    await daemon.pass(2 * HOUR);
    expect(daemon.unit("job").run).toBe(0);
    expect(daemon.told).toEqual([]);
  });

  test("a changed schedule begins anew", async () => {
    const { daemon, nextMs } = scheduled({ job: every(HOUR) });
    await daemon.pass(10 * MINUTE);
    daemon.load("job", every(20 * MINUTE));
    expect(nextMs("job")).toBe(NEW_YEAR + 30 * MINUTE);
    daemon.load("job", { type: "oneshot" });
    expect(nextMs("job")).toBeUndefined();
  });

  test("a unit that is removed has no plan", () => {
    const { daemon, schedules } = scheduled({ job: every(HOUR), other: every(HOUR) });
    daemon.unload("job");
    expect(schedules.planOf("job")).toBeUndefined();
    expect(schedules.planOf("other")).toBeDefined();
  });

  test("after the end nothing starts", async () => {
    const { daemon, schedules } = scheduled({ job: every(HOUR) });
    schedules.close();
    await daemon.pass(2 * HOUR);
    expect(daemon.unit("job").run).toBe(0);
  });
});

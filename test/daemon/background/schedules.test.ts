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
  expect(daemon.events).toEqual([]);
});

test("a time further away than one timer can wait still fires", async () => {
  const { daemon } = scheduled({ job: cron("30 2 * * *") });
  for (let hour = 0; hour < 2; hour++) await daemon.pass(HOUR);
  await daemon.pass(HOUR / 2 - 1);
  expect(daemon.unit("job").run).toBe(0);
  await daemon.pass(1);
  expect(daemon.unit("job").run).toBe(1);
});

describe("the last run has not ended", () => {
  const overlapping = async (overlap: ScheduleSpec["overlap"]) => {
    const scene = scheduled({ job: every(HOUR, { overlap }) });
    await scene.daemon.pass(HOUR);
    await scene.daemon.pass(HOUR);
    return scene;
  };

  test("skip: this time is skipped", async () => {
    const { daemon } = await overlapping("skip");
    expect(daemon.events).toEqual(["schedule-skipped job"]);
    await daemon.exits("job");
    expect(daemon.unit("job").run).toBe(1);
  });

  test("queue: it runs once, right after the last run, even if several times came", async () => {
    const { daemon, schedules } = await overlapping("queue");
    await daemon.pass(HOUR);
    expect(daemon.events).toEqual(["schedule-queued job"]);
    expect(schedules.planOf("job")!.queued).toBe(true);
    await daemon.exits("job");
    expect(daemon.unit("job")).toMatchObject({ run: 2, phase: "running" });
    expect(schedules.planOf("job")!.queued).toBe(false);
    await daemon.exits("job");
    expect(daemon.unit("job").run).toBe(2);
  });

  test("kill: the last run is stopped first", async () => {
    const { daemon } = await overlapping("kill");
    expect(daemon.events).toEqual(["schedule-overlap job"]);
    expect(daemon.unit("job")).toMatchObject({ run: 2, phase: "running" });
  });
});

describe("a time that passed while no daemon ran", () => {
  const missed = async (more: Partial<ScheduleSpec>, awayMs: number) => {
    const first = scheduled({ job: every(HOUR, more) });
    first.schedules.close();
    const next = scheduled({ job: every(HOUR, more) }, first.kept, awayMs);
    await next.daemon.settle();
    return next;
  };

  test("is reported as missed", async () => {
    const { daemon, nextMs } = await missed({}, 90 * MINUTE);
    expect(daemon.events).toEqual(["schedule-missed job"]);
    expect(daemon.messages[0]).toContain("2026-01-01T01:00:00.000Z");
    expect(daemon.unit("job").run).toBe(0);
    expect(nextMs("job")).toBe(NEW_YEAR + 2 * HOUR);
  });

  test("with catch_up it runs at once", async () => {
    const { daemon, nextMs } = await missed({ catchUp: true }, 90 * MINUTE);
    expect(daemon.events).toEqual([]);
    expect(daemon.unit("job").run).toBe(1);
    expect(nextMs("job")).toBe(NEW_YEAR + 2 * HOUR);
  });

  test("runs late when it is less than a minute ago", async () => {
    const { daemon } = await missed({}, HOUR + MINUTE);
    expect(daemon.events).toEqual([]);
    expect(daemon.unit("job").run).toBe(1);
  });

  test("nothing is missed when the next daemon starts in time", async () => {
    const { daemon, nextMs } = await missed({}, 30 * MINUTE);
    expect(daemon.events).toEqual([]);
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR);
  });

  test("a damaged plan is ignored", () => {
    const { nextMs } = scheduled({ job: every(HOUR) }, new Map([["schedule:job", "{damaged"]]), 10 * MINUTE);
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR + 10 * MINUTE);
  });
});

describe("the wall clock is set", () => {
  test("times of `every` move with the clock", async () => {
    const { daemon, schedules, nextMs } = scheduled({ job: every(HOUR) });
    daemon.setClockBy(DAY);
    schedules.checkClock();
    expect(nextMs("job")).toBe(NEW_YEAR + DAY + HOUR);
    await daemon.pass(HOUR);
    expect(daemon.unit("job").run).toBe(1);
  });

  test("cron times do not move; one that is jumped over is missed", async () => {
    const { daemon, schedules, nextMs } = scheduled({ job: cron("0 12 * * *") });
    daemon.setClockBy(13 * HOUR);
    schedules.checkClock();
    await daemon.pass(0);
    expect(daemon.events).toEqual(["schedule-missed job"]);
    expect(nextMs("job")).toBe(NEW_YEAR + DAY + 12 * HOUR);
  });

  test("a change of less than half a second is ignored", () => {
    const { daemon, schedules, nextMs } = scheduled({ job: every(HOUR) });
    daemon.setClockBy(499);
    schedules.checkClock();
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR);
    daemon.setClockBy(500);
    schedules.checkClock();
    expect(nextMs("job")).toBe(NEW_YEAR + HOUR + 500);
  });
});

describe("changes of units", () => {
  test("a disabled unit has no plan and does not run", async () => {
    const { daemon, schedules, inactive } = scheduled({ job: every(HOUR) });
    inactive.add("job");
    schedules.check("job");
    expect(schedules.planOf("job")).toBeUndefined();
    await daemon.pass(2 * HOUR);
    expect(daemon.unit("job").run).toBe(0);
    expect(daemon.events).toEqual([]);
  });

  test("a changed schedule starts from now", async () => {
    const { daemon, nextMs } = scheduled({ job: every(HOUR) });
    await daemon.pass(10 * MINUTE);
    daemon.load("job", every(20 * MINUTE));
    expect(nextMs("job")).toBe(NEW_YEAR + 30 * MINUTE);
    daemon.load("job", { type: "oneshot" });
    expect(nextMs("job")).toBeUndefined();
  });

  test("a removed unit has no plan", () => {
    const { daemon, schedules } = scheduled({ job: every(HOUR), other: every(HOUR) });
    daemon.unload("job");
    expect(schedules.planOf("job")).toBeUndefined();
    expect(schedules.planOf("other")).toBeDefined();
  });

  test("nothing starts after close", async () => {
    const { daemon, schedules } = scheduled({ job: every(HOUR) });
    schedules.close();
    await daemon.pass(2 * HOUR);
    expect(daemon.unit("job").run).toBe(0);
  });
});

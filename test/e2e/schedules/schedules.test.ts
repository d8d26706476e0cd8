/** Scheduled oneshots run at their times, and not because they were loaded. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonInfo, Service } from "../../../src/api/contract/shapes.ts";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { eventsOf, typesOf } from "../../harness/history.ts";
import { until } from "../../harness/until.ts";

const job = (script: string, schedule: object, more: object = {}): Record<string, unknown> => ({
  type: "oneshot",
  auto_restart: false,
  command: "/bin/sh",
  args: ["-c", script],
  schedule,
  ...more,
});

const runs = async (daemon: Daemon, unit: string): Promise<number> => (await eventsOf(daemon, unit, "started")).length;
const recorded = (daemon: Daemon, unit: string, type: string, count = 1): Promise<unknown> =>
  until(async () => (await typesOf(daemon, unit)).filter((one) => one === type).length >= count, {
    what: `${count} ${type} of ${unit}`,
    explain: async () => JSON.stringify(await eventsOf(daemon, unit)),
  });

test("every: the unit runs repeatedly but not when it is loaded; list --timers shows when", async () => {
  await using daemon = await startDaemon({
    units: { tick: job("echo tick", { every: 1 }), never: job("echo no", { cron: "0 0 29 2 *" }) },
  });
  await recorded(daemon, "tick", "started", 2);
  const [first, second] = await eventsOf(daemon, "tick", "started");
  expect(first!.details.cause).toBe("schedule");
  // Times are counted from the beginning so that runs do not drift: a delayed run is closer to the next one.
  const began = Date.parse(((await daemon.json("daemon", "status")) as DaemonInfo).start_time);
  expect(Date.parse(first!.timestamp) - began).toBeGreaterThanOrEqual(1000);
  expect(Date.parse(second!.timestamp) - began).toBeGreaterThanOrEqual(2000);
  expect(await runs(daemon, "never")).toBe(0);
  const timers = (await daemon.json("list", "--timers")) as Service[];
  expect(timers.map(({ id, schedule }) => [id, schedule!.active])).toEqual([
    ["never", true],
    ["tick", true],
  ]);
  expect(timers[0]!.schedule).toMatchObject({ cron: "0 0 29 2 *", last_run: null });
  expect(timers[0]!.schedule!.next_run).toMatch(/-02-2[89]T/);
  const text = (await daemon.sup("list", "--timers")).stdout;
  expect(text).toMatch(/^UNIT +NEXT +LEFT +LAST +PASSED +STATE +SCHEDULE\ntick .*every 1s\nnever .*0 0 29 2 \*\n$/);
});

test("enabled alone causes no run; disable and enable switch the schedule off and on; a manual start is one run", async () => {
  const units = {
    on: job(":", { every: 1 }, { enabled: true }),
    off: job(":", { every: 1 }, { enabled: false }),
    slow: job(":", { every: 3600 }, { enabled: true }),
  };
  await using daemon = await startDaemon({ units });
  await recorded(daemon, "on", "started", 2);
  expect(await runs(daemon, "off")).toBe(0);
  expect(await runs(daemon, "slow")).toBe(0);
  expect((await daemon.sup("start", "slow")).code).toBe(0);
  expect(await runs(daemon, "slow")).toBe(1);
  expect((await daemon.sup("enable", "off")).code).toBe(0);
  await recorded(daemon, "off", "started");
  expect((await daemon.sup("disable", "on")).code).toBe(0);
  const before = await runs(daemon, "on");
  await recorded(daemon, "off", "started", 3);
  expect(await runs(daemon, "on")).toBe(before);
  expect((await daemon.service("on")).schedule).toMatchObject({ active: false, next_run: null });
});

test("overlap: skip skips the run, queue runs once right after, kill stops the previous run", async () => {
  const long = "while [ ! -e '%S/gate' ]; do sleep 0.02; done";
  const units = {
    skip: job(long, { every: 1, overlap: "skip" }),
    queue: job(long, { every: 1, overlap: "queue" }),
    kill: job("sleep 1000", { every: 1, overlap: "kill" }),
  };
  await using daemon = await startDaemon({ units });
  await recorded(daemon, "skip", "schedule-skipped", 2);
  await recorded(daemon, "queue", "schedule-queued");
  expect(await runs(daemon, "skip")).toBe(1);
  expect(await runs(daemon, "queue")).toBe(1);
  const due = Date.parse((await daemon.service("queue")).schedule!.next_run!);
  await until(() => Date.now() > due + 200, { what: "the next scheduled time" });
  writeFileSync(join(daemon.home, "state/gate"), "");
  await recorded(daemon, "queue", "started", 2);
  const types = (await typesOf(daemon, "queue")).filter((type) => type === "started" || type === "schedule-queued");
  expect(types.slice(0, 3)).toEqual(["started", "schedule-queued", "started"]); // once, however often it was due
  await recorded(daemon, "kill", "started", 2);
  expect((await eventsOf(daemon, "kill", "stopping"))[0]!.message).toContain("the next scheduled run is due");
});

test("a run missed while no daemon ran is made up for once with catch_up", async () => {
  const schedule = { every: 4 };
  const units = { made: job("echo made", { ...schedule, catch_up: true }), left: job("echo left", schedule) };
  await using daemon = await startDaemon({ units });
  await recorded(daemon, "made", "started");
  const before = { made: await runs(daemon, "made"), left: await runs(daemon, "left") };
  const next = Date.parse((await daemon.service("made")).schedule!.next_run!);
  await daemon.crash();
  await until(() => Date.now() > next, { what: "the time of a run to pass" });
  await daemon.start();
  const up = Date.parse((await eventsOf(daemon, "", "daemon-started")).at(-1)!.timestamp);
  await recorded(daemon, "made", "started", before.made + 1);
  const made = Date.parse((await eventsOf(daemon, "made", "started"))[before.made]!.timestamp);
  expect(made).toBeLessThan(next + 4_000); // immediately, not at the next slot
  expect(Date.parse((await daemon.service("made")).schedule!.next_run!)).toBeGreaterThan(up);
});

test("a reload applies a new schedule without starting the unit", async () => {
  await using daemon = await startDaemon({ units: { job: job(":", { every: 3600 }) } });
  daemon.writeUnit("job", job(":", { every: 1 }));
  daemon.writeUnit("fresh", job(":", { every: 3600 }, { enabled: true }));
  expect((await daemon.sup("reload")).code).toBe(0);
  await recorded(daemon, "job", "started");
  expect(await runs(daemon, "fresh")).toBe(0);
  daemon.writeUnit("job", { type: "oneshot", command: "true" });
  expect((await daemon.sup("reload")).code).toBe(0);
  expect((await daemon.service("job")).schedule).toBeNull();
});

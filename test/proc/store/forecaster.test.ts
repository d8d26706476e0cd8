/** Predictions that the daemon makes from history in a real store. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { freshUnit } from "../../../src/core/unit/record.ts";
import type { Entry, World } from "../../../src/core/world/world.ts";
import { Forecaster } from "../../../src/daemon/background/forecaster.ts";
import { makeSpec, type SpecParts } from "../../core/fixtures.ts";
import { tempDir } from "../../harness/temp.ts";
import { metricRow, mustOpen } from "./rows.ts";

const [TICK_MS, HOUR_MS, START] = [60_000, 3_600_000, Date.UTC(2026, 0, 1)];

/** Simulates a run of that many hours with that memory (MiB), checked at every tick; returns the events. */
function predictions(
  parts: SpecParts,
  availableMib: (usedMib: number) => number | null,
  memoryMb: (hour: number) => number,
  hours = 16,
): string[] {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  let nowMs = 0;
  let usedMib = 0;
  const unit = {
    ...freshUnit("web"),
    phase: "running",
    want: "up",
    run: 1,
    execAtMs: 0,
    process: { pid: 1, startTicks: 1, bootId: "" },
  } as const;
  const entries = new Map([["web", { unit, spec: makeSpec("web", parts) } as unknown as Entry]]);
  const events: string[] = [];
  const forecaster = new Forecaster({
    world: { get: (id: string) => entries.get(id), entries: () => entries } as unknown as World,
    clock: { monotonicMs: () => nowMs, wallMs: () => START + nowMs } as never,
    store,
    recorder: { tell: (type, words, _, details) => void events.push(`${type} ${String(details?.metric)}: ${words}`) },
    logs: { note: () => undefined },
    usage: { spare: () => availableMib(usedMib) },
    tickMs: TICK_MS,
  });
  for (; nowMs < hours * HOUR_MS; nowMs += TICK_MS) {
    usedMib = memoryMb(nowMs / HOUR_MS);
    const noise = ((nowMs / TICK_MS) * 7919) % 13;
    store.addMetrics([{ ...metricRow("web", new Date(START + nowMs).toISOString()), memoryMb: usedMib + noise / 10, cpuPercent: 5 }]);
    forecaster.tick();
  }
  store.close();
  return events;
}

const limits = (maxMemoryMb: number): SpecParts => ({
  limits: { maxMemoryMb, maxCpuPercent: null, maxTasks: null, sustained: 3, warnAt: 0.8, action: "warn" },
});
const leak = (hour: number): number => 100 + 20 * hour;
const machineOf = (mib: number) => (usedMib: number) => mib - usedMib;

test("a leak that will reach its limit is reported once", () => {
  expect(predictions(limits(500), machineOf(8000), leak)).toEqual([
    expect.stringMatching(/^limit_predicted memory: .* it reaches its limit of 500 MiB in about/),
  ]);
});

test("a leak without a limit, or with one above the machine's memory, is reported once as the machine running out of memory", () => {
  const wanted = [expect.stringMatching(/^limit_predicted memory: .* the machine runs out of memory in about/)];
  expect(predictions({}, machineOf(500), leak)).toEqual(wanted);
  expect(predictions(limits(9000), machineOf(500), leak)).toEqual(wanted);
});

test("no prediction for a leak that fits into memory, for constant usage on a full machine, or without data about the machine", () => {
  expect(predictions({}, machineOf(64_000), leak)).toEqual([]);
  expect(
    predictions(
      {},
      () => 3,
      () => 100,
    ),
  ).toEqual([]);
  expect(predictions({}, () => null, leak)).toEqual([]);
});

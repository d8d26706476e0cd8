import { expect, test } from "bun:test";
import { findFirstChange } from "../../../src/core/explain/first-change.ts";
import type { Fingerprint } from "../../../src/core/explain/fingerprint.ts";
import { historyOf } from "../../../src/core/explain/run-history.ts";
import type { EventRow } from "../../../src/ports/store/events.ts";
import type { FingerprintRow } from "../../../src/ports/store/fingerprints.ts";
import { aFile, aFingerprint } from "./fingerprints.ts";

const at = (second: number): string => new Date(Date.parse("2026-11-22T20:00:00.000Z") + second * 1000).toISOString();
const ms = (second: number): number => Date.parse(at(second));

let lastId = 0;
const event = (second: number, type: string, details: Record<string, unknown>, message = ""): EventRow => ({
  ...{ id: ++lastId, serviceId: "web", type, timestamp: at(second), message, details },
});
const started = (second: number, run: number): EventRow =>
  event(second, "started", { run, invocation: `r${run}`, log_from: `from ${run}` });
const exited = (second: number, run: number, failed: boolean): EventRow =>
  event(second, "exited", { run, invocation: `r${run}`, success: !failed, expected: false }, failed ? "exit code 3" : "exit code 0");
const stopped = (second: number, run: number): EventRow =>
  event(second, "exited", { run, invocation: `r${run}`, success: false, expected: true }, "SIGTERM");
const row = (second: number, run: number, more: Partial<Fingerprint> = {}): FingerprintRow => ({
  ...{ serviceId: "web", invocation: `r${run}`, at: at(second), fingerprint: JSON.stringify(aFingerprint(more)) },
});

const NEW = { files: [aFile("executable", "/opt/app", { content: "b", modifiedMs: ms(100) })] };
/** Run 1 was good; the executable changed after 100 s; runs 2 and 3 crashed. */
const CRASHES = [started(0, 1), stopped(110, 1), started(110, 2), exited(140, 2, true), started(141, 3), exited(150, 3, true)];

test("a history has failed starts, the ends of runs, and the fingerprint of each run", () => {
  const failedStart = event(160, "start-failed", { run: 4, invocation: "r4", stage: "exec" }, "cannot execute");
  const ill = event(200, "unhealthy", { run: 5 }, "3 failures");
  const runs = historyOf([...CRASHES, failedStart, started(170, 5), ill, stopped(210, 5)], [row(0, 1), row(110, 2, NEW)]);
  expect(
    runs.map(({ invocation, startedAt, from, before, endedAt, ending, failedAt }) => [
      invocation,
      startedAt,
      from,
      before,
      endedAt,
      ending,
      failedAt,
    ]),
  ).toEqual([
    ["r1", at(0), "from 1", "from 2", at(110), "SIGTERM", null],
    ["r2", at(110), "from 2", "from 3", at(140), "exit code 3", at(140)],
    ["r3", at(141), "from 3", "from 5", at(150), "exit code 3", at(150)],
    ["r4", at(160), null, "from 5", at(160), "cannot execute", at(160)],
    ["r5", at(170), "from 5", null, at(210), "SIGTERM", at(200)],
  ]);
  expect(runs[0]!.fingerprint).toEqual(aFingerprint());
  expect(runs[1]!.fingerprint).toEqual(aFingerprint(NEW));
  expect(runs[4]!.fingerprint).toBe(runs[1]!.fingerprint);
});

test("pre_start and start are one run; events without a known run are skipped; a fingerprint from before the window applies", () => {
  const starting = event(9, "starting", { run: 2, invocation: "r2", log_from: "a" });
  const failed = event(11, "start-failed", { run: 2, invocation: "r2", stage: "pre_start" }, "pre_start failed");
  const runs = historyOf(
    [exited(1, 1, true), event(2, "unhealthy", { run: 1 }), event(3, "started", { run: 1 }), starting, failed],
    [row(0, 1)],
  );
  expect(runs).toMatchObject([{ invocation: "r2", from: "a", endedAt: at(11), failedAt: at(11), fingerprint: aFingerprint() }]);
  expect(historyOf([started(5, 3)], [row(6, 9)])[0]!.fingerprint).toBeNull();
});

test("the newest change before the first of the latest failures is found, with the runs around it", () => {
  const found = findFirstChange(historyOf(CRASHES, [row(0, 1), row(110, 2, NEW)]))!;
  expect(found.failed.invocation).toBe("r2");
  expect(found.changes).toMatchObject([{ kind: "executable", text: "the executable /opt/app changed", timesMs: [ms(100), 1] }]);
  expect([found.since.invocation, found.after.invocation]).toEqual(["r1", "r2"]);
});

test("a change is found also if the first run with it did not fail", () => {
  const events = [started(0, 1), stopped(10, 1), started(10, 2), stopped(50, 2), started(50, 3), exited(60, 3, true), started(61, 4)];
  const found = findFirstChange(historyOf(events, [row(0, 1), row(10, 2, { unit: { args: "2", command: "1" } })]))!;
  expect(found.failed.invocation).toBe("r3");
  expect(found.changes).toMatchObject([{ kind: "unit", names: ["args"] }]);
  expect(found.after.invocation).toBe("r2");
});

test("changes after the first failure, for example attempts to fix it, are not named", () => {
  const found = findFirstChange(historyOf(CRASHES, [row(0, 1), row(141, 3, NEW)]))!;
  expect(found).toMatchObject({ changes: [], since: { invocation: "r1" } });
});

test("no failure, an unknown fingerprint or a single run: nothing is claimed", () => {
  expect(findFirstChange([])).toBeNull();
  expect(findFirstChange(historyOf([started(0, 1), exited(1, 1, false)], [row(0, 1)]))).toBeNull();
  expect(findFirstChange(historyOf([started(0, 1)], [row(0, 1)]))).toBeNull();
  expect(findFirstChange(historyOf(CRASHES, []))).toBeNull();
  expect(findFirstChange(historyOf([started(0, 1), exited(1, 1, true)], [row(0, 1)]))).toBeNull();
});

test("a run that failed before its command was executed is skipped, and without an earlier change nothing is claimed", () => {
  const early = { files: [], directory: null };
  const events = [started(0, 1), stopped(110, 1), started(110, 2), stopped(120, 2), started(130, 3), exited(140, 3, true)];
  expect(findFirstChange(historyOf(events, [row(0, 1), row(110, 2, early), row(130, 3, NEW)]))).toMatchObject({
    changes: [{ kind: "executable" }],
    since: { invocation: "r1" },
  });
  expect(findFirstChange(historyOf(events, [row(0, 1), row(110, 2, early), row(130, 3)]))).toBeNull();
});

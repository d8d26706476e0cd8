import { expect, test } from "bun:test";
import type { Diff } from "../../../src/api/contract/shapes.ts";
import { aFile, aFingerprint } from "../../core/explain/fingerprints.ts";
import { BOOT, makeRig, type Rig } from "../rig.ts";

const at = (second: number): string => new Date(BOOT + second * 1000).toISOString();

const NEW = { files: [aFile("executable", "/opt/app", { content: "b", modifiedMs: BOOT + 100_000 })] };

/** A unit whose first two runs were good. The executable changed after 100 s, and the next two runs crashed. */
function crashed(log: object = {}): Rig {
  const rig = makeRig({ web: { command: "x", log } });
  const event = (second: number, type: string, run: number, details: object, message = ""): void => {
    const own = { run, invocation: `aaaa000${run}`, ...details };
    rig.events.push({ id: rig.events.length + 1, serviceId: "web", type, timestamp: at(second), message, details: own });
  };
  const run = (from: number, to: number, number: number, failed: boolean): void => {
    event(from, "started", number, { log_from: at(from) });
    event(to, "exited", number, { success: false, expected: !failed }, failed ? "exit code 3" : "SIGTERM");
  };
  run(0, 50, 1, false);
  run(50, 110, 2, false);
  run(110, 140, 3, true);
  run(141, 150, 4, true);
  const row = (second: number, number: number, print: object) => ({
    serviceId: "web",
    invocation: `aaaa000${number}`,
    at: at(second),
    fingerprint: JSON.stringify(print),
  });
  rig.fingerprints.push(row(0, 1, aFingerprint()), row(110, 3, aFingerprint(NEW)));
  for (const [second, memoryMb] of [
    [60, 10],
    [100, 20],
    [145, 99],
  ] as const)
    rig.metrics.push({ serviceId: "web", timestamp: at(second), cpuPercent: 1, memoryMb, healthStatus: "healthy", responseTimeMs: 7 });
  const line = (second: number, text: string) => ({ time: at(second), stream: "stderr" as const, full: true, text });
  rig.lines.set("web", [line(60, "an error"), line(111, "up"), line(142, "fatal: no table"), line(143, "Traceback")]);
  return rig;
}

async function diffOf(rig: Rig, runs: { from?: string; to?: string } = {}): Promise<Diff> {
  const found = await rig.supervisor.diff("web", runs);
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

test("by default the latest run is compared with the last one before the newest change", async () => {
  const { before, after, changes, unknown } = await diffOf(crashed());
  expect(changes).toEqual([{ kind: "executable", text: "The executable /opt/app changed.", names: [], time: at(100) }]);
  expect(unknown).toEqual([]);
  expect(before).toEqual({
    ...{ invocation: "aaaa0002", started: at(50), ended: at(110), seconds: 60, exit: "SIGTERM", failed: false, runs: 2, failures: 0 },
    ...{ memory_mb: 15, memory_mb_per_hour: null, cpu_percent: 1, response_time_ms: 7, error_lines: 1 },
  });
  expect(after).toMatchObject({ invocation: "aaaa0004", seconds: 9, exit: "exit code 3", failed: true, runs: 2, failures: 2 });
  expect(after).toMatchObject({ memory_mb: 99, error_lines: 2 });
});

test("chosen runs are compared, also if nothing changed; a run that goes on has its duration so far", async () => {
  const rig = crashed();
  expect(await diffOf(rig, { from: "aaaa0001", to: "-2" })).toMatchObject({ before: { seconds: 50 }, after: { seconds: 60 }, changes: [] });
  rig.events.push({
    id: 99,
    serviceId: "web",
    type: "started",
    timestamp: at(-5),
    message: "",
    details: { run: 5, invocation: "bbbb0005" },
  });
  const { before, after } = await diffOf(rig, { from: "-1", to: "bbbb" });
  expect(before.invocation).toBe("aaaa0004");
  expect(after).toMatchObject({ ended: null, seconds: 5, exit: null, failed: false, error_lines: null });
});

test("without a fingerprint, and in a log without time stamps, it says what is unknown", async () => {
  const rig = crashed({ format: "raw" });
  rig.fingerprints.shift();
  const { changes, unknown, after } = await diffOf(rig, { from: "-3" });
  expect(changes).toEqual([]);
  expect(unknown).toEqual([`What the run of ${at(0)} was started with is not recorded.`]);
  expect(after.error_lines).toBeNull();
});

test("a run that does not exist, a single run and an unknown unit are errors", async () => {
  const rig = crashed();
  const unknown = await rig.supervisor.diff("web", { from: "cccc" });
  expect(unknown).toMatchObject({
    ok: false,
    error: { code: "not-found", message: "cannot compare runs of web: it has no run cccc", hint: expect.stringContaining("aaaa0004 of ") },
  });
  expect(await rig.supervisor.diff("web", { to: "-3" })).toMatchObject({
    ok: false,
    error: { message: "cannot compare runs of web: no run before it is recorded" },
  });
  expect(await makeRig({ web: { command: "x" } }).supervisor.diff("web", {})).toMatchObject({
    ok: false,
    error: { message: "cannot compare runs of web: it has no recorded runs" },
  });
  expect(await rig.supervisor.diff("wob", {})).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
});

test("why names the change before the first failure, and how long before", async () => {
  const found = await crashed().supervisor.why("web");
  expect(found.ok && found.value.change).toEqual({
    ...{ run: "aaaa0003", failed_at: at(140), failure: "exit code 3", since: at(50) },
    changes: [
      {
        kind: "executable",
        text: "The executable /opt/app changed, 40s before the first failure (exit code 3).",
        names: [],
        time: at(100),
      },
    ],
  });
  const calm = await makeRig({ web: { command: "x" } }).supervisor.why("web");
  expect(calm.ok && calm.value.change).toBeNull();
});

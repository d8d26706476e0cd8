import { expect, test } from "bun:test";
import type { EventRow } from "../../../src/ports/store/events.ts";
import type { MetricRow } from "../../../src/ports/store/metrics.ts";
import { BOOT, makeRig } from "../rig.ts";

const at = (seconds: number): string => new Date(BOOT + seconds * 1000).toISOString();

function event(seconds: number, type: string, more: Partial<EventRow> = {}): EventRow {
  return { id: seconds, serviceId: "web", type, timestamp: at(seconds), message: type, details: {}, ...more };
}

const sample = (seconds: number, memoryMb: number): MetricRow => ({
  ...{ serviceId: "web", timestamp: at(seconds), cpuPercent: 2, memoryMb, healthStatus: "healthy", responseTimeMs: 4 },
});

const crash = (seconds: number, code = 1): EventRow =>
  event(seconds, "exited", { message: `exit code ${code}`, details: { success: false, expected: false } });

test("starts, exits and failures in the range are counted, a requested stop is no failure, and a run in two steps is one start", async () => {
  const { supervisor, events } = makeRig({ web: { command: "serve" } });
  events.push(crash(50), event(100, "starting", { details: { invocation: "a" } }), event(101, "started", { details: { invocation: "a" } }));
  events.push(crash(110, 78), event(120, "started", { details: { invocation: "b" } }), crash(130, 78), event(140, "start-failed"));
  events.push(event(150, "exited", { message: "SIGTERM", details: { success: true, expected: true } }), crash(300));
  expect(await supervisor.figures("web", at(100), at(300))).toMatchObject({
    ok: true,
    value: {
      ...{ since: at(100), until: at(300), starts: 2, exits: 4, failures: 3, memory_mb: null, memory_mb_per_hour: null },
      endings: [
        { text: "exit code 78", count: 2 },
        { text: "start-failed", count: 1 },
        { text: "SIGTERM", count: 1 },
      ],
    },
  });
});

test("the slope of the memory is that of the longest run, so that a restart is not a fall", async () => {
  const { supervisor, events, metrics } = makeRig({ web: { command: "serve" } });
  events.push(event(600, "started", { details: { invocation: "b" } }));
  // Rises by 1 MB a minute, which is 60 MB an hour, and starts again from 10 MB after the restart.
  for (let s = 0; s < 600; s += 5) metrics.push(sample(s, 10 + s / 60));
  for (let s = 600; s < 700; s += 5) metrics.push(sample(s, 10));
  const found = await supervisor.figures("web", at(0), at(700));
  expect(found.ok && found.value.memory_mb_per_hour).toBeCloseTo(60, 0);
  expect(found.ok && [found.value.cpu_percent, found.value.response_time_ms]).toEqual([2, 4]);
});

test("lines with errors in the range are counted; a log without times has no number", async () => {
  const { supervisor, events, lines } = makeRig({ web: { command: "serve" }, raw: { command: "serve", log: { format: "raw" } } });
  const line = (seconds: number, text: string) => ({ time: at(seconds), stream: "stdout", full: true, text }) as const;
  lines.set("web", [line(1, "error: early"), line(10, "an Error"), line(11, "fine"), line(12, "FATAL"), line(30, "error: late")]);
  expect(await supervisor.figures("web", at(5), at(20))).toMatchObject({ value: { error_lines: 2 } });
  // A range that begins with a start has the first lines of the run, which are older than the event about the start.
  events.push(event(20, "started", { details: { invocation: "a", log_from: "2026-05-01T12:00:09.900000000Z" } }));
  expect(await supervisor.figures("web", at(20), at(40))).toMatchObject({ value: { error_lines: 3 } });
  expect(await supervisor.figures("web", at(0), at(20))).toMatchObject({ value: { error_lines: 1 } });
  expect(await supervisor.figures("raw", at(5), at(20))).toMatchObject({ value: { error_lines: null } });
  expect(await supervisor.figures("no", at(5), at(20))).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
});

test("the lines of several units are merged by time, selected by names, globs and groups", async () => {
  const { supervisor, lines, logCalls } = makeRig({
    web: { command: "serve", groups: ["site"] },
    db: { command: "serve" },
    job: { command: "serve" },
  });
  const line = (seconds: number, text: string) => ({ time: at(seconds), stream: "stdout", full: true, text }) as const;
  lines.set("web", [line(1, "a"), line(3, "c")]);
  lines.set("db", [line(2, "b"), line(4, "d")]);
  lines.set("job", [line(5, "e")]);
  const read = await supervisor.readAllLogs(["@site", "d*"], { lines: 3 });
  expect(read.ok && read.value.map((one) => [(one as { service_id?: string }).service_id, one.text])).toEqual([
    ["db", "b"],
    ["web", "c"],
    ["db", "d"],
  ]);
  const stop = await supervisor.followAllLogs(["@site", "d*"], { line: () => {}, gap: () => {} });
  if (stop.ok) stop.value();
  expect(logCalls).toEqual(expect.arrayContaining(["follow web", "follow db", "unfollow web", "unfollow db"]));
  expect(logCalls).not.toContain("follow job");
  expect(await supervisor.readAllLogs(["nobody"], {})).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
});

test("the logs of more units than are read at once are merged too, without lines that are newer than the request", async () => {
  const ids = Array.from({ length: 70 }, (_, i) => `u${i}`);
  const { supervisor, lines } = makeRig(Object.fromEntries(ids.map((id) => [id, { command: "serve" }])));
  for (const [i, id] of ids.entries()) lines.set(id, [{ time: at(i), stream: "stdout", full: true, text: id }]);
  lines.set("u69", [...lines.get("u69")!, { time: "9999-01-01T00:00:00Z", stream: "stdout", full: true, text: "later" }]);
  const read = await supervisor.readAllLogs(["*"], { lines: 2 });
  expect(read.ok && read.value.map(({ text }) => text)).toEqual(["u68", "u69"]);
});

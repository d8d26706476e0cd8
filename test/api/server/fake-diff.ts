import type * as shape from "../../../src/api/contract/shapes.ts";

const AT = "2026-05-01T12:00:00.000Z";

const aChange: shape.Change = { kind: "executable", text: "The executable /opt/app changed.", names: [], time: AT };

const aSide = (invocation: string): shape.DiffSide => ({
  ...{ invocation, started: AT, ended: null, seconds: 5, exit: null, failed: false, runs: 1, failures: 0, error_lines: 0 },
  ...{ memory_mb: 12, memory_mb_per_hour: null, cpu_percent: 1, response_time_ms: null },
});

export const aDiff = (id: string): shape.Diff => ({
  ...{ id, before: aSide("3f2a9c1b"), after: aSide("8c1d22aa"), changes: [aChange], unknown: [] },
});

export const aWhy = (service: shape.Service): shape.Why => ({
  service,
  story: [{ time: AT, text: "Started.", lines: ["one"] }],
  policy: ["It stays."],
  next: [{ text: "Nothing.", time: null }],
  change: { run: "8c1d22aa", failed_at: AT, failure: "exit code 1", since: AT, changes: [aChange] },
});

import { expect, test } from "bun:test";
import { deletedWords, logConditions, lossEvent } from "../../../src/core/logs/loss-messages.ts";
import type { LogLoss } from "../../../src/ports/logs.ts";
import { staged } from "../world/stage.ts";

const loss: LogLoss = { why: "disk", lines: 3, bytes: 40, since: "2026-11-25T12:00:00.000Z", cause: "no space left", over: false };
const limited: LogLoss = { ...loss, why: "limit", cause: "log.rate_limit is 10 bytes a second" };

test("a loss has an event with its figures when it begins and when it ends", () => {
  expect(lossEvent(loss)).toEqual({
    type: "log-loss",
    message: "cannot write the log, 3 lines (40 bytes) of output lost so far: no space left",
  });
  expect(lossEvent({ ...loss, over: true }).message).toBe(
    "the log can be written again; 3 lines (40 bytes) of output were lost since 2026-11-25T12:00:00.000Z: no space left",
  );
  expect(lossEvent(limited)).toEqual({
    type: "log-limited",
    message: "dropping output, 3 lines (40 bytes) so far: log.rate_limit is 10 bytes a second",
  });
  expect(lossEvent({ ...limited, over: true }).message).toBe(
    "log.rate_limit dropped 3 lines (40 bytes) of output since 2026-11-25T12:00:00.000Z",
  );
});

test("a log that cannot be written or rotated is an alert; a rate limit and an ended loss are not", () => {
  const entry = staged({ web: {} }).world.get("web")!;
  const of = (losses: readonly LogLoss[], trouble: string | null = null): string[] =>
    logConditions(entry, { losses, trouble }).map(({ type, severity, message }) => `${severity} ${type}: ${message}`);
  expect(of([limited, { ...loss, over: true }])).toEqual([]);
  expect(of([limited, loss])).toEqual(["warning log: cannot write the log, output is lost: no space left"]);
  expect(of([], "cannot rotate web.log: EROFS")).toEqual([
    "warning log: cannot rotate web.log: EROFS; the file grows past log.max_size_mb",
  ]);
  const critical = { ...entry, spec: { ...entry.spec, critical: true } };
  expect(logConditions(critical, { losses: [loss], trouble: null })).toMatchObject([{ unit: "web", severity: "critical" }]);
});

test("deleted log files are reported with their units and the reason", () => {
  expect(deletedWords({ why: "gone", files: 1, bytes: 10, units: ["a"] }, 90)).toBe(
    "1 log file was deleted (10 bytes), of units that no longer exist, last written more than 90 days ago (logs.retention_days): a",
  );
  const units = ["a", "b", "c", "d", "e", "f", "g"];
  expect(deletedWords({ why: "bound", files: 9, bytes: 10, units }, 90)).toBe(
    "9 log files were deleted (10 bytes) to keep all logs within logs.max_total_mb: a, b, c, d, e and 2 more",
  );
  expect(deletedWords({ why: "bound", files: 9, bytes: 10, units: units.slice(0, 6) }, 90)).toEndWith(": a, b, c, d, e, f");
});

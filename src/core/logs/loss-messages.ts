import type { DeletedLogs, LogCondition, LogLoss } from "../../ports/logs.ts";
import type { AlertCondition } from "../alerts/alerts.ts";
import type { Entry } from "../world/types.ts";

/** An event about output that did not get into a log. */
export function lossEvent({ why, lines, bytes, since, cause, over }: LogLoss): { readonly type: string; readonly message: string } {
  const much = `${lines} lines (${bytes} bytes) of output`;
  if (why === "limit") {
    const message = over
      ? `${much} were dropped by log.rate_limit since ${since}`
      : `output is dropped, ${lines} lines (${bytes} bytes) so far: ${cause}`;
    return { type: "log-limited", message };
  }
  const message = over ? `the log is written again; ${much} were lost since ${since}: ${cause}` : `output is lost, ${lines} lines (${bytes} bytes) so far: the log cannot be written: ${cause}`; // prettier-ignore
  return { type: "log-loss", message };
}

/** An event about log files that were deleted. */
export function deletedWords({ why, files, bytes, units }: DeletedLogs, retentionDays: number): string {
  const whose = units.length > NAMED + 1 ? `${units.slice(0, NAMED).join(", ")} and ${units.length - NAMED} more` : units.join(", ");
  const what = `${files} log ${files === 1 ? "file was" : "files were"} deleted (${bytes} bytes)`;
  return why === "gone"
    ? `${what}, of units that no longer exist, last written more than ${retentionDays} days ago (logs.retention_days): ${whose}`
    : `${what} to keep all logs within logs.max_total_mb: ${whose}`;
}

const NAMED = 5;

/** What a person should do something about; a rate limit is as somebody wanted it. */
export function logConditions({ spec, unit }: Entry, { losses, trouble }: LogCondition): AlertCondition[] {
  const of = (message: string): AlertCondition => ({
    unit: unit.id,
    type: "log",
    severity: spec.critical ? "critical" : "warning",
    message,
  });
  const loss = losses.find(({ why, over }) => why === "disk" && !over);
  if (loss) return [of(`its output is lost: the log cannot be written: ${loss.cause}`)];
  return trouble === null ? [] : [of(`${trouble}; the file grows past log.max_size_mb`)];
}

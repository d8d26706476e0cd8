import type { DeletedLogs, LogCondition, LogLoss } from "../../ports/logs.ts";
import type { AlertCondition } from "../alerts/alerts.ts";
import type { Entry } from "../world/types.ts";

/** Returns the event that reports that output is missing from a log. */
export function lossEvent({ why, lines, bytes, since, cause, over }: LogLoss): { readonly type: string; readonly message: string } {
  const amount = `${lines} lines (${bytes} bytes)`;
  if (why === "limit") {
    const message = over ? `log.rate_limit dropped ${amount} of output since ${since}` : `dropping output, ${amount} so far: ${cause}`;
    return { type: "log-limited", message };
  }
  const message = over
    ? `the log can be written again; ${amount} of output were lost since ${since}: ${cause}`
    : `cannot write the log, ${amount} of output lost so far: ${cause}`;
  return { type: "log-loss", message };
}

/** Returns the message of the event that reports deleted log files. */
export function deletedWords({ why, files, bytes, units }: DeletedLogs, retentionDays: number): string {
  const names = units.length > NAMED + 1 ? `${units.slice(0, NAMED).join(", ")} and ${units.length - NAMED} more` : units.join(", ");
  const what = `${files} log ${files === 1 ? "file was" : "files were"} deleted (${bytes} bytes)`;
  return why === "gone"
    ? `${what}, of units that no longer exist, last written more than ${retentionDays} days ago (logs.retention_days): ${names}`
    : `${what} to keep all logs within logs.max_total_mb: ${names}`;
}

const NAMED = 5;

/** Returns the alert conditions of a unit's log. The user configured the rate limit, so losses that it causes raise no alert. */
export function logConditions({ spec, unit }: Entry, { losses, trouble }: LogCondition): AlertCondition[] {
  const of = (message: string): AlertCondition => ({
    unit: unit.id,
    type: "log",
    severity: spec.critical ? "critical" : "warning",
    message,
  });
  const loss = losses.find(({ why, over }) => why === "disk" && !over);
  if (loss) return [of(`cannot write the log, output is lost: ${loss.cause}`)];
  return trouble === null ? [] : [of(`${trouble}; the file grows past log.max_size_mb`)];
}

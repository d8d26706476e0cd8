/**
 * The fields of an sd_notify(3) message. A datagram consists of lines `NAME=value`. Unknown names are ignored. If a name
 * occurs more than once, the last value counts.
 */
export interface SdNotifyFields {
  /** True for READY=1, which says that the start or the announced reload is complete. */
  readonly ready: boolean;
  /** True for RELOADING=1. */
  readonly reloading: boolean;
  /** True for STOPPING=1. */
  readonly stopping: boolean;
  /** The value of STATUS=, or null if absent. An empty string clears the last status. */
  readonly status: string | null;
  /** The value of MAINPID=, or null if absent or invalid. */
  readonly mainPid: number | null;
  /** `alive` for WATCHDOG=1, a keep-alive; `trigger` for WATCHDOG=trigger, with which the service requests to be treated as hung. */
  readonly watchdog: "alive" | "trigger" | null;
  /** The value of WATCHDOG_USEC= in milliseconds, or null if absent. 0 disables the watchdog. */
  readonly watchdogMs: number | null;
  /** The value of EXTEND_TIMEOUT_USEC= in milliseconds from the arrival of the message, or null if absent. */
  readonly extendMs: number | null;
}

/** Longer statuses are truncated to this many characters. */
const MAX_STATUS_LENGTH = 1000;

export function parseSdNotify(text: string): SdNotifyFields {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1));
  }
  const watchdog = fields.get("WATCHDOG");
  return {
    ready: fields.get("READY") === "1",
    reloading: fields.get("RELOADING") === "1",
    stopping: fields.get("STOPPING") === "1",
    status: fields.get("STATUS")?.slice(0, MAX_STATUS_LENGTH) ?? null,
    mainPid: pid(fields.get("MAINPID")),
    watchdog: watchdog === "1" ? "alive" : watchdog === "trigger" ? "trigger" : null,
    watchdogMs: milliseconds(fields.get("WATCHDOG_USEC")),
    extendMs: milliseconds(fields.get("EXTEND_TIMEOUT_USEC")),
  };
}

/** Parses a pid. Linux has no pid above 2^22. */
const pid = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,7}$/.test(text) && Number(text) <= 2 ** 22 ? Number(text) : null;

/** One day, which is longer than any sensible deadline, and small enough that sums of times stay precise. */
const MAX_US = 86_400_000_000;

/** Parses microseconds of up to 64 bits; values above a day count as a day. */
const milliseconds = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,20}$/.test(text) ? Math.min(Number(text), MAX_US) / 1000 : null;

/**
 * What a service says over its notify socket: sd_notify(3). A datagram is lines of `NAME=value`; names that nobody knows
 * are left out, and of a name that comes twice the last one counts.
 */
export interface SdNotifyFields {
  /** READY=1: start-up, or the reload that was announced, is done. */
  readonly ready: boolean;
  /** RELOADING=1 */
  readonly reloading: boolean;
  /** STOPPING=1 */
  readonly stopping: boolean;
  /** STATUS=…; null when it says nothing, "" takes the last one back. */
  readonly status: string | null;
  /** MAINPID=… */
  readonly mainPid: number | null;
  /** WATCHDOG=1: it is alive. WATCHDOG=trigger: it wants to be treated as if it were not. */
  readonly watchdog: "alive" | "trigger" | null;
  /** WATCHDOG_USEC=…, in milliseconds; 0 switches the watchdog off. */
  readonly watchdogMs: number | null;
  /** EXTEND_TIMEOUT_USEC=…, in milliseconds from now. */
  readonly extendMs: number | null;
}

/** Characters of a status that are kept. */
const LONGEST_STATUS = 1000;

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
    status: fields.get("STATUS")?.slice(0, LONGEST_STATUS) ?? null,
    mainPid: pid(fields.get("MAINPID")),
    watchdog: watchdog === "1" ? "alive" : watchdog === "trigger" ? "trigger" : null,
    watchdogMs: milliseconds(fields.get("WATCHDOG_USEC")),
    extendMs: milliseconds(fields.get("EXTEND_TIMEOUT_USEC")),
  };
}

/** No pid of Linux is above 2^22. */
const pid = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,7}$/.test(text) && Number(text) <= 2 ** 22 ? Number(text) : null;

/** A day is longer than anything that is meant, and far from where sums of times lose their precision. */
const LONGEST_US = 86_400_000_000;

/** Of a time in microseconds, 64 bits at most; what is too long for a deadline counts as a day. */
const milliseconds = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,20}$/.test(text) ? Math.min(Number(text), LONGEST_US) / 1000 : null;

/** Error messages, timeout and cancellation for probes of all types. */
import { formatDuration } from "../../base/duration.ts";
import type { ProbeResult } from "../../ports/prober.ts";

/** Ends the probe with a result. Only the first call has an effect. */
export type Settle = (kind: "ok" | "bad" | "broken", detail: string) => void;

/**
 * Runs `body` until it settles, until `timeoutMs` has passed (`bad`), or until the caller aborts (`broken`). `body` returns a
 * function that frees its resources. That function is called exactly once, however the probe ends. `body` calls `doing` to
 * name what the probe is waiting for. The message about a timeout contains this name.
 */
export function timed(
  timeoutMs: number,
  signal: AbortSignal,
  body: (settle: Settle, doing: (what: string) => void) => () => void,
): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const startedAt = performance.now();
  let phase = "an answer";
  let settled = false;
  let free: (() => void) | null = null;

  const settle: Settle = (kind, detail) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    free?.();
    const responseMs = Math.round((performance.now() - startedAt) * 100) / 100;
    resolve(kind === "broken" ? { kind, detail } : { kind, detail, responseMs });
  };
  const abort = (): void => settle("broken", "the check was cancelled");
  const timer = setTimeout(() => settle("bad", `no ${phase} within ${formatDuration(timeoutMs)}`), timeoutMs);
  if (signal.aborted) {
    abort();
    return promise;
  }
  signal.addEventListener("abort", abort);
  try {
    const release = body(settle, (what) => (phase = what));
    if (settled) release();
    else free = release;
  } catch (error) {
    settle(...explain(error, "the check"));
  }
  return promise;
}

/** Errors that mean a lack of descriptors, memory or local ports, which says nothing about the service. */
const OUR_FAULT = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL"]);

/** Converts a connection error to a kind of result and a message. `where` is the target of the connection. */
export function explain(error: unknown, where: string): ["bad" | "broken", string] {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return [OUR_FAULT.has(code) ? "broken" : "bad", words(code, where) ?? `${where}: ${message}`];
}

function words(code: string, where: string): string | null {
  switch (code) {
    case "ECONNREFUSED":
      return `${where} refused the connection`;
    case "ECONNRESET":
    case "EPIPE":
      return `${where} reset the connection`;
    case "ENOENT":
      return `${where} does not exist`;
    case "EACCES":
      return `permission denied for ${where}`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `no route to ${where}`;
    case "ETIMEDOUT":
      return `the connection to ${where} timed out`;
    case "ENOTFOUND":
      return `cannot resolve the host of ${where}`;
    case "EAI_AGAIN":
      return `the name server did not answer for ${where}`;
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return `${where} does not speak TLS`;
    default:
      return null;
  }
}

/** What all probes share: the words for errors, the clock, and the two ways to be cut short. */
import { formatDuration } from "../../base/duration.ts";
import type { ProbeResult } from "../../ports/prober.ts";

/** Ends the probe; only the first call counts. */
export type Settle = (kind: "ok" | "bad" | "broken", detail: string) => void;

/**
 * Runs `body` until it settles, `timeoutMs` is over (`bad`), or the caller aborts (`broken`). `body` returns what frees
 * its resources; that is called exactly once, whatever ended the probe. `doing` says in words what it waited for.
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
  const abort = (): void => settle("broken", "the check was called off");
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

/** Descriptors, memory and ports that we have run out of say nothing about the service. */
const OUR_FAULT = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL"]);

/** An error of a connection, in words; `where` is what we wanted to reach. */
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
      return `${where} may not be opened by this user`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `there is no route to ${where}`;
    case "ETIMEDOUT":
      return `${where} did not answer the connection`;
    case "ENOTFOUND":
      return `the host of ${where} is not known to the name service`;
    case "EAI_AGAIN":
      return `the name service did not answer for ${where}`;
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return `${where} does not speak TLS`;
    default:
      return code.startsWith("HPE_") ? `${where} does not speak HTTP (${code})` : null;
  }
}

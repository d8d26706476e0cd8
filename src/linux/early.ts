/**
 * The first thing that a re-executed daemon does: handlers for signals, before anything is awaited. What came in the gap is
 * kept for the handlers that the daemon installs later. No import may stand here that the command line would pay for.
 */
type Early = "SIGTERM" | "SIGINT" | "SIGHUP";

let caught: Early[] = [];
let off: (() => void) | null = null;

/** Call at the top of the program. Does nothing in a process that is not the child of a re-exec. */
export function catchEarlySignals(): void {
  if (process.env.SUP_HANDOVER_FD === undefined) return;
  const handlers = (["SIGTERM", "SIGINT", "SIGHUP"] as const).map((signal) => ({ signal, handler: () => void caught.push(signal) }));
  for (const { signal, handler } of handlers) process.on(signal, handler);
  off = () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}

/** What was caught so far; call when the daemon has handlers of its own. */
export function earlySignals(): readonly Early[] {
  off?.();
  off = null;
  const signals = caught;
  caught = [];
  return signals;
}

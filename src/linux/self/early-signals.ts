/**
 * The first thing that some daemons do: handlers for signals, before anything is awaited. What came in the gap is kept for
 * the handlers that the daemon installs later. A re-executed daemon would be ended by such a signal; the first process of a
 * container would never see it, for the kernel drops what has no handler there (pid_namespaces(7)). No import may stand
 * here that the command line would pay for.
 */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const;
type Early = (typeof SIGNALS)[number];

let caught: Early[] = [];
let off: (() => void) | null = null;

/** Call at the top of the program. Does nothing in a process that is neither re-executed nor a daemon with pid 1. */
export function catchEarlySignals(): void {
  const isInit = process.pid === 1 && ["daemon", "up"].includes(process.argv[2] ?? "");
  if (process.env.SUP_HANDOVER_FD === undefined && !isInit) return;
  const handlers = SIGNALS.map((signal) => ({ signal, handler: () => void caught.push(signal) }));
  for (const { signal, handler } of handlers) process.on(signal, handler);
  off = () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}

/** What was caught so far; call when the daemon has handlers of its own. */
export function takeEarlySignals(): readonly Early[] {
  off?.();
  off = null;
  const signals = caught;
  caught = [];
  return signals;
}

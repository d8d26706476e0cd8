/**
 * Signal handlers that are installed before anything is awaited. They record early signals for the handlers that the daemon installs
 * later. Without these handlers, an early signal would kill a re-executed daemon. The first process of a container would miss the
 * signal, because the kernel discards signals to pid 1 that have no handler (pid_namespaces(7)). This file must import nothing,
 * because every command of the command line loads it.
 */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const;
type EarlySignal = (typeof SIGNALS)[number];

let caught: EarlySignal[] = [];
let removeHandlers: (() => void) | null = null;

/**
 * Installs the early handlers. Call this at the top of the program. It does nothing unless the process is a re-executed daemon or a
 * daemon with pid 1.
 */
export function catchEarlySignals(): void {
  const isInit = process.pid === 1 && ["daemon", "up"].includes(process.argv[2] ?? "");
  if (process.env.SUP_HANDOVER_FD === undefined && !isInit) return;
  const handlers = SIGNALS.map((signal) => ({ signal, handler: () => void caught.push(signal) }));
  for (const { signal, handler } of handlers) process.on(signal, handler);
  removeHandlers = () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}

/** Returns the signals that were caught so far, and removes the early handlers. Call this when the daemon has its own handlers. */
export function takeEarlySignals(): readonly EarlySignal[] {
  removeHandlers?.();
  removeHandlers = null;
  const signals = caught;
  caught = [];
  return signals;
}

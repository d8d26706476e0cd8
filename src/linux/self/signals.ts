/** Signals to the daemon itself, and the signal mask and environment that it starts with. */
import { ptr } from "bun:ffi";
import { SIGNALS, type SignalName } from "../../base/signals.ts";
import { libc } from "../ffi/libc.ts";

const SIG_SETMASK = 2;
const SIG_IGN = 1;
const SIGACTION_BYTES = 152;

/**
 * Signals that would end the daemon by default and mean nothing to it. The runtime ignores SIGPIPE and SIGXFSZ and uses SIGPWR
 * itself. Not listed are the signals of a crash (SIGSEGV, SIGABRT, SIGSYS …), which must end the process.
 */
const STRAY = ["SIGQUIT", "SIGUSR1", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGXCPU"] as const satisfies readonly SignalName[];
/** The runtime cannot catch these signals, so the daemon makes the kernel discard them. glibc itself uses the real-time signals 32 and 33. */
const UNCATCHABLE = [SIGNALS.SIGSTKFLT, ...Array.from({ length: 64 - 34 + 1 }, (_, index) => 34 + index)];
/** The numbers of all these signals, caught or discarded. */
export const STRAY_SIGNALS: readonly number[] = [...STRAY.map((name) => SIGNALS[name]), ...UNCATCHABLE];

/**
 * Unblocks all signals. The process that started the daemon may have blocked some, and a re-exec blocks them while there are
 * no handlers. Call this right after `onSignals`.
 */
export function resetSignalMask(): void {
  const none = new BigUint64Array(16); // sigset_t is 128 bytes
  libc.sigprocmask(SIG_SETMASK, ptr(none), null);
}

/** Calls the handler of each signal from the event loop. Returns a function that removes the handlers. */
export function onSignals(handlers: Partial<Record<SignalName, () => void>>): () => void {
  const list = Object.entries(handlers) as Array<[NodeJS.Signals, () => void]>;
  for (const [name, handler] of list) process.on(name, handler);
  return () => {
    for (const [name, handler] of list) process.off(name, handler);
  };
}

/** Keeps stray signals from ending the process, and reports those that can be caught. Returns a function that ends the reports. */
export function ignoreStraySignals(onSignal: (name: SignalName) => void): () => void {
  const ignore = Buffer.alloc(SIGACTION_BYTES);
  ignore.writeBigUInt64LE(BigInt(SIG_IGN), 0);
  for (const signal of UNCATCHABLE) libc.sigaction(signal, ptr(ignore), null);
  return onSignals(Object.fromEntries(STRAY.map((name) => [name, () => onSignal(name)])));
}

/**
 * Removes variables that would change the runtime of a re-executed daemon, or of a helper that the daemon starts. Bun reads
 * BUN_OPTIONS, BUN_BE_BUN and BUN_FEATURE_FLAG_… even in a compiled executable. Returns their names for the log.
 */
export function scrubEnvironment(): string[] {
  const names = Object.keys(process.env).filter((name) => name.startsWith("BUN_"));
  for (const name of names) delete process.env[name];
  return names;
}

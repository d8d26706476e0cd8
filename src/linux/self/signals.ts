/** Signals to the daemon itself, and the signal mask and environment that it starts with. */
import { ptr } from "bun:ffi";
import type { SignalName } from "../../base/signals.ts";
import { libc } from "../ffi/libc.ts";

const SIG_SETMASK = 2;

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

/**
 * Removes variables that would change the runtime of a re-executed daemon or of a helper that it starts: Bun reads BUN_OPTIONS,
 * BUN_BE_BUN and BUN_FEATURE_FLAG_… in a compiled binary too. Returns their names for the log.
 */
export function scrubEnvironment(): string[] {
  const names = Object.keys(process.env).filter((name) => name.startsWith("BUN_"));
  for (const name of names) delete process.env[name];
  return names;
}

/** Signals to the daemon itself, and the state of signals and environment that it starts with. */
import { ptr } from "bun:ffi";
import type { SignalName } from "../../base/signals.ts";
import { libc } from "../ffi/libc.ts";

const SIG_SETMASK = 2;

/**
 * Unblocks all signals. Whoever started the daemon may have left some blocked; and a re-exec blocks them on purpose for
 * the moment without handlers: call this right after `onSignals`.
 */
export function resetSignalMask(): void {
  const none = new BigUint64Array(16); // sigset_t is 128 bytes
  libc.sigprocmask(SIG_SETMASK, ptr(none), null);
}

/** Calls the handler of each signal from the event loop. Returns an off, after which the defaults are back. */
export function onSignals(handlers: Partial<Record<SignalName, () => void>>): () => void {
  const list = Object.entries(handlers) as Array<[NodeJS.Signals, () => void]>;
  for (const [name, handler] of list) process.on(name, handler);
  return () => {
    for (const [name, handler] of list) process.off(name, handler);
  };
}

/**
 * Removes what would change the runtime under the daemon's feet at a re-exec, or under a helper it starts: Bun obeys
 * BUN_OPTIONS, BUN_BE_BUN and BUN_FEATURE_FLAG_… in a compiled binary too. Returns the names, for a line in the log.
 */
export function scrubEnvironment(): string[] {
  const names = Object.keys(process.env).filter((name) => name.startsWith("BUN_"));
  for (const name of names) delete process.env[name];
  return names;
}

import { type Pointer, ptr } from "bun:ffi";
import { writeSync } from "node:fs";
import { SIGNALS } from "../../base/signals.ts";
import { STRAY_SIGNALS } from "./signals.ts";
import { cstring, cstrings, errno, libc, SYSCALL, syscall } from "../ffi/libc.ts";

/** The environment variable with the descriptor of the state that the old image passes to the new one. */
export const HANDOVER = "SUP_HANDOVER_FD";

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const SIG_SETMASK = 2;
const SIG_IGN = 1;
const SIGACTION_BYTES = 152;

/** Signals that may arrive while there are no handlers. They stay pending until the new image has installed its own. */
const BLOCKED = [SIGNALS.SIGHUP, SIGNALS.SIGINT, SIGNALS.SIGTERM, SIGNALS.SIGUSR2, ...STRAY_SIGNALS];

export interface Reexec {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Passed to the new image as JSON. */
  readonly state: unknown;
  /** Descriptors that stay open. */
  readonly keep: readonly number[];
}

/**
 * Replaces this process by another program with execve(2): it keeps the pid, the children and the descriptors in `keep`.
 * Returns only on failure, with the errno and the previous state restored.
 *
 * A signal that arrives while no handler is installed would kill the new image. So the signals are blocked. They are ignored
 * too, because the event loop of the new image waits with an empty signal mask before its handlers are installed
 * (`early-signals.ts` does that first).
 */
export function reexec({ path, args, env, state, keep }: Reexec): number {
  const name = cstring("sup-handover");
  const memory = syscall(SYSCALL.memfd_create, ptr(name), 0);
  if (memory < 0) return errno();
  writeSync(memory, JSON.stringify(state));
  const variables = Object.entries({ ...env, [HANDOVER]: String(memory) }).filter(([, value]) => value !== undefined);
  const program = cstring(path);
  const argv = cstrings([path, ...args]);
  const envp = cstrings(variables.map(([key, value]) => `${key}=${value}`));
  for (const fd of keep) libc.fcntl(fd, F_SETFD, 0);
  const restore = blockSignals();
  libc.execve(ptr(program), argv.pointer as Pointer, envp.pointer as Pointer);
  const failure = errno();
  restore();
  for (const fd of keep) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  libc.close(memory);
  return failure;
}

function blockSignals(): () => void {
  const before = new BigUint64Array(16);
  const mask = new BigUint64Array(16);
  for (const signal of BLOCKED) mask[0]! |= 1n << BigInt(signal - 1);
  libc.sigprocmask(SIG_SETMASK, ptr(mask), ptr(before));
  const ignore = Buffer.alloc(SIGACTION_BYTES);
  ignore.writeBigUInt64LE(BigInt(SIG_IGN), 0);
  const actions = BLOCKED.map((signal) => {
    const old = Buffer.alloc(SIGACTION_BYTES);
    libc.sigaction(signal, ptr(ignore), ptr(old));
    return { signal, old };
  });
  return () => {
    for (const { signal, old } of actions) libc.sigaction(signal, ptr(old), null);
    libc.sigprocmask(SIG_SETMASK, ptr(before), null);
  };
}

import { type Pointer, ptr } from "bun:ffi";
import { writeSync } from "node:fs";
import { SIGNALS } from "../../base/signals.ts";
import { cstring, cstrings, errno, libc, SYSCALL, syscall } from "../ffi/libc.ts";

/** Names the descriptor of what the old image leaves to the new one. */
export const HANDOVER = "SUP_HANDOVER_FD";

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const SIG_SETMASK = 2;
const SIG_IGN = 1;
const SIGACTION_BYTES = 152;

/** Signals that may come while there are no handlers: kept back until the new image has its own. */
const HELD = [SIGNALS.SIGHUP, SIGNALS.SIGINT, SIGNALS.SIGTERM, SIGNALS.SIGUSR1, SIGNALS.SIGUSR2];

export interface Reexec {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Left to the new image as JSON. */
  readonly state: unknown;
  /** Descriptors that stay open. */
  readonly keep: readonly number[];
}

/**
 * Becomes another program: same pid, same children, same descriptors of `keep`. Returns only when that failed, with the
 * errno, and everything is as before. execve(2).
 *
 * From the first call on nothing else may run: a signal that comes when the handlers are gone would end the new image. So
 * they are blocked, and ignored as well, because the event loop of the new image waits with an empty mask before it has
 * handlers of its own; `early.ts` installs those first of all.
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
  const restore = holdSignals();
  libc.execve(ptr(program), argv.pointer as Pointer, envp.pointer as Pointer);
  const failure = errno();
  restore();
  for (const fd of keep) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  libc.close(memory);
  return failure;
}

function holdSignals(): () => void {
  const before = new BigUint64Array(16);
  const mask = new BigUint64Array(16);
  for (const signal of HELD) mask[0]! |= 1n << BigInt(signal - 1);
  libc.sigprocmask(SIG_SETMASK, ptr(mask), ptr(before));
  const ignore = Buffer.alloc(SIGACTION_BYTES);
  ignore.writeBigUInt64LE(BigInt(SIG_IGN), 0);
  const actions = HELD.map((signal) => {
    const old = Buffer.alloc(SIGACTION_BYTES);
    libc.sigaction(signal, ptr(ignore), ptr(old));
    return { signal, old };
  });
  return () => {
    for (const { signal, old } of actions) libc.sigaction(signal, ptr(old), null);
    libc.sigprocmask(SIG_SETMASK, ptr(before), null);
  };
}

/**
 * Functions for pidfds, which refer to one process even if its pid is reused: pidfd_open(2), pidfd_send_signal(2),
 * PIDFD_GET_INFO.
 */
import { ptr } from "bun:ffi";
import type { ProcessRef } from "../../ports/processes.ts";
import { errno, libc, SYSCALL, syscall } from "../ffi/libc.ts";
import { readStat } from "../proc/proc.ts";

/** Opens a pidfd with close-on-exec. Returns the descriptor, or -errno (ESRCH: no such process). */
export function pidfdOpen(pid: number): number {
  const fd = syscall(SYSCALL.pidfd_open, pid);
  return fd >= 0 ? fd : -errno();
}

/** Sends a signal through a pidfd. Returns 0 or an errno. */
export function pidfdSignal(pidfd: number, signal: number): number {
  return syscall(SYSCALL.pidfd_send_signal, pidfd, signal) === 0 ? 0 : errno();
}

const EMFILE = 24;
const ENFILE = 23;

/**
 * Signals exactly this process. Returns false if it has ended. The start time is compared after the pidfd is open, so both belong
 * to the same process.
 */
export function signalProcess({ pid, startTicks }: Pick<ProcessRef, "pid" | "startTicks">, signal: number): boolean {
  const pidfd = pidfdOpen(pid);
  if (pidfd === -EMFILE || pidfd === -ENFILE) return readStat(pid)?.startTicks === startTicks && libc.kill(pid, signal) === 0;
  if (pidfd < 0) return false;
  try {
    return readStat(pid)?.startTicks === startTicks && pidfdSignal(pidfd, signal) === 0;
  } finally {
    libc.close(pidfd);
  }
}

const PIDFD_GET_INFO = 0xc040ff0b; // _IOWR(0xFF, 11, struct pidfd_info of 64 bytes)
const PIDFD_INFO_EXIT = 8n;
/** The size and offsets of struct pidfd_info in linux/pidfd.h. */
const PIDFD_INFO = { sizeBytes: 64, mask: 0, exitStatus: 60 } as const;

/** Returns the wait status of a process that its parent has reaped (Linux 6.15 and later), or null if it is unknown. */
export function pidfdWaitStatus(pidfd: number): number | null {
  const info = Buffer.alloc(PIDFD_INFO.sizeBytes);
  info.writeBigUInt64LE(PIDFD_INFO_EXIT, PIDFD_INFO.mask);
  if (libc.ioctl(pidfd, PIDFD_GET_INFO, ptr(info)) !== 0) return null;
  return (info.readBigUInt64LE(PIDFD_INFO.mask) & PIDFD_INFO_EXIT) === 0n ? null : info.readInt32LE(PIDFD_INFO.exitStatus);
}

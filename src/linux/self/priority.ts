import { ptr } from "bun:ffi";
import { getPriority, setPriority } from "node:os";
import { syscall } from "../ffi/libc.ts";

/** The nice value of the daemon's main thread. It gets three times the CPU time of an ordinary thread if all cores are busy. */
const NICE = -5;
const SCHED_SETSCHEDULER = process.arch === "x64" ? 144 : 119;
const SCHED_OTHER = 0;
const SCHED_RESET_ON_FORK = 0x40000000;

/**
 * Raises the priority of the calling thread, so that the daemon answers soon and keeps up with its services' output if the CPU is
 * overloaded. New threads and processes do not inherit it. Leaves the priority unchanged if somebody started the daemon with
 * another one, or if this user may not raise it. Returns true if the priority is raised.
 */
export function raisePriority(): boolean {
  if (getPriority(0) !== 0) return false;
  try {
    setPriority(0, NICE);
  } catch {
    return false;
  }
  if (syscall(SCHED_SETSCHEDULER, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, ptr(PARAMETERS)) === 0) return true;
  setPriority(0, 0);
  return false;
}

/** struct sched_param. Its only field is the real-time priority, which is 0 for SCHED_OTHER. */
const PARAMETERS = new Int32Array(1);
/**
 * Returns the nice value for services whose units set none. It is 0, not the value that the daemon inherited from its starter (`nice
 * sup daemon start`). Returns null, which leaves the value unchanged, if it is 0 already or if this user may not lower it.
 */
export function defaultNice(): number | null {
  const own = getPriority(0);
  if (own === 0) return null;
  if (own < 0) return 0;
  try {
    setPriority(0, 0);
    setPriority(0, own);
    return 0;
  } catch {
    return null;
  }
}

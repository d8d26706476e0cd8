/** Values that stay constant until the next boot. A pid, a start time and the boot id together identify a process. */
import { readFileSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

let id: string | undefined;

/** Returns an id that changes when the machine (or the kernel of the container) boots. */
export function bootId(): string {
  return (id ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());
}

const _SC_CLK_TCK = 2;

/** Returns the number of clock ticks per second that the times in /proc/PID/stat use. */
export function clockTicks(): number {
  return Number(libc.sysconf(_SC_CLK_TCK));
}

const _SC_PAGESIZE = 30;

export function pageBytes(): number {
  return Number(libc.sysconf(_SC_PAGESIZE));
}

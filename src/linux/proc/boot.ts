/** Values that are constant until the next boot; with them a pid and a start time identify a process. */
import { readFileSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

let id: string | undefined;

/** Changes when the machine (or the kernel of the container) boots. */
export function bootId(): string {
  return (id ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());
}

const _SC_CLK_TCK = 2;

/** Ticks per second of the times in /proc/PID/stat. */
export function clockTicks(): number {
  return Number(libc.sysconf(_SC_CLK_TCK));
}

const _SC_PAGESIZE = 30;

export function pageBytes(): number {
  return Number(libc.sysconf(_SC_PAGESIZE));
}

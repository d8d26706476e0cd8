/** Facts of this boot that name processes for good. */
import { readFileSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

let id: string | undefined;

/** The same until the machine (or the container's kernel) boots again. */
export function bootId(): string {
  return (id ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());
}

const _SC_CLK_TCK = 2;

/** Ticks a second of the times in /proc/PID/stat. */
export function clockTicks(): number {
  return Number(libc.sysconf(_SC_CLK_TCK));
}

const _SC_PAGESIZE = 30;

export function pageBytes(): number {
  return Number(libc.sysconf(_SC_PAGESIZE));
}

import { ptr } from "bun:ffi";
import { libc } from "../ffi/libc.ts";

const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;
const time = new BigInt64Array(2);

/** Returns the milliseconds since boot, with fractions. The clock includes suspended time and is the same for every process. */
export function bootTimeMs(): number {
  libc.clock_gettime(CLOCK_BOOTTIME, ptr(time));
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

/**
 * Returns the milliseconds since 1970. Unlike `Date.now()` the value has fractions, because timestamps of log lines are in
 * nanoseconds.
 */
export function realTimeMs(): number {
  libc.clock_gettime(CLOCK_REALTIME, ptr(time));
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

import { libc, O, open } from "../ffi/libc.ts";
import { ownLimit } from "../spawn/rlimits.ts";

/** Descriptors that starts of units leave free: for the API, the store, log files, hooks, and for stopping the units. */
const RESERVE = 64;

/** When fewer descriptors than this are left, connections must be closed, because only connections can use up the reserve. */
const LAST = 24;

export const areDescriptorsExhausted = (): boolean => descriptorsLeft(descriptorLimit()) < LAST;

/** Returns true if descriptors may be kept open only to save time. */
export function hasPlentyOfDescriptors(): boolean {
  const limit = descriptorLimit();
  return descriptorsLeft(limit) > limit / 4;
}

/** Returns the reason why no unit may be started now, or null if there are enough descriptors. */
export function findDescriptorShortage(): string | null {
  const limit = descriptorLimit();
  const left = descriptorsLeft(limit);
  if (left > Math.min(RESERVE, Math.floor(limit / 2))) return null;
  return `sup has only ${left} of its ${limit} file descriptors left and keeps them for itself; raise the limit (ulimit -n, LimitNOFILE=)`;
}

const descriptorLimit = (): number => ownLimit("nofile").soft ?? Number.MAX_SAFE_INTEGER;

/** open(2) gives the lowest free number, so all below it are in use. There may be a few more above it. */
function descriptorsLeft(limit: number): number {
  const lowest = open("/dev/null", O.RDONLY);
  if (lowest < 0) return 0;
  libc.close(lowest);
  return limit - lowest;
}

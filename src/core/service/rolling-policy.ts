import type { RollingSpec } from "../../spec/spec.ts";

/** How a service without `rolling` is restarted: one additional unit, and no unit less than wanted. */
export const DEFAULT_ROLLING: RollingSpec = {
  maxSurge: { count: 1, percent: null },
  maxUnavailable: { count: 0, percent: null },
  minHealthyMs: 5000,
  progressDeadlineMs: 600_000,
  order: "newest-last",
  canary: 0,
  autoRevert: true,
  drain: null,
};

/** Returns the number of additional units: a percentage is rounded up, and more than one for each member is of no use. */
export const surgeOf = ({ maxSurge: { count, percent } }: RollingSpec, members: number): number =>
  Math.min(members, percent === null ? count : Math.ceil((members * percent) / 100));

/**
 * Returns how many members may be unavailable: a percentage is rounded down. As in Kubernetes, it is at least 1 if no units are added
 * (`surge`), because nothing could ever be restarted otherwise.
 */
export function unavailableOf(policy: RollingSpec, members: number, surge: number): number {
  const { count, percent } = policy.maxUnavailable;
  const number = Math.min(members, percent === null ? count : Math.floor((members * percent) / 100));
  return number === 0 && surge === 0 ? 1 : number;
}

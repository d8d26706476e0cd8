import type { RollingSpec, Spec } from "../../spec/spec.ts";

/** The default for a service without `rolling`: one additional unit, and never fewer units than wanted. */
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

/** Returns the number of additional units. A percentage is rounded up. There is at most one additional unit for each member. */
export const surgeOf = ({ maxSurge: { count, percent } }: RollingSpec, members: number): number =>
  Math.min(members, percent === null ? count : Math.ceil((members * percent) / 100));

/**
 * Returns how many members may be unavailable. A percentage is rounded down. If no units are added (`surge`), the number is
 * at least 1, as in Kubernetes, because otherwise nothing could ever be restarted.
 */
export function unavailableOf(policy: RollingSpec, members: number, surge: number): number {
  const { count, percent } = policy.maxUnavailable;
  const number = Math.min(members, percent === null ? count : Math.floor((members * percent) / 100));
  return number === 0 && surge === 0 ? 1 : number;
}

/**
 * Returns true for a unit that can be restarted by a rollout: one of a service with `instances`, or a plain unit with `rolling`. Other
 * units of its service may run beside it and share its sockets.
 */
export const canRoll = ({ instance, rolling }: Pick<Spec, "instance" | "rolling">): boolean => instance !== null || rolling !== null;

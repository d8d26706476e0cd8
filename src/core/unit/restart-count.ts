import type { Reason } from "../../base/words.ts";

/** The causes of a requested restart, as opposed to a restart by the restart policy. */
export const REQUESTERS = ["operator", "watch", "schedule", "dependency", "reload"] as const;
export type Requester = (typeof REQUESTERS)[number];

export type RequestedRestarts = Readonly<Record<Requester, number>>;

export const NO_REQUESTED_RESTARTS: RequestedRestarts = { operator: 0, watch: 0, schedule: 0, dependency: 0, reload: 0 };

export interface RestartCounts {
  readonly restarts: number;
  readonly requestedRestarts: RequestedRestarts;
}

/** Counts one more restart. During a requested restart, `reason` is its cause. Any other reason means that the policy restarts the unit. */
export function countRestart({
  restarts,
  requestedRestarts,
  reason,
  restarting,
}: RestartCounts & { readonly reason: Reason; readonly restarting: boolean }): RestartCounts {
  const requester = restarting ? REQUESTERS.find((one) => one === reason) : undefined;
  if (requester === undefined) return { restarts: restarts + 1, requestedRestarts };
  return { restarts, requestedRestarts: { ...requestedRestarts, [requester]: requestedRestarts[requester] + 1 } };
}

import type { Reason } from "../../base/words.ts";

/** Who can request a restart. */
export const REQUESTERS = ["operator", "watch", "schedule", "dependency", "reload"] as const;
export type Requester = (typeof REQUESTERS)[number];

export type RequestedRestarts = Readonly<Record<Requester, number>>;

export const NO_REQUESTED_RESTARTS: RequestedRestarts = { operator: 0, watch: 0, schedule: 0, dependency: 0, reload: 0 };

export interface RestartCounts {
  readonly restarts: number;
  readonly requestedRestarts: RequestedRestarts;
}

/** The counts after one more restart. While a requested one is under way, its cause is the reason of the state; others are the policy's. */
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

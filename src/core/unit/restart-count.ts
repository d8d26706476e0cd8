import type { Unit } from "./record.ts";

/** Who can request a restart. */
export const REQUESTERS = ["operator", "watch", "schedule", "dependency", "reload"] as const;
export type Requester = (typeof REQUESTERS)[number];

export type RequestedRestarts = Readonly<Record<Requester, number>>;

export const NO_REQUESTED_RESTARTS: RequestedRestarts = { operator: 0, watch: 0, schedule: 0, dependency: 0, reload: 0 };

/** The counts after one more restart: a requested one, whose cause is the reason of the state, or one by the restart policy. */
export function countRestart({ restarts, requestedRestarts, reason }: Unit): Pick<Unit, "restarts" | "requestedRestarts"> {
  const requester = REQUESTERS.find((one) => one === reason);
  if (requester === undefined) return { restarts: restarts + 1, requestedRestarts };
  return { restarts, requestedRestarts: { ...requestedRestarts, [requester]: requestedRestarts[requester] + 1 } };
}

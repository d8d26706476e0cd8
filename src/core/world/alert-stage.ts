/** Raises and resolves alerts at the end of each turn. */
import type { AlertBook } from "../alerts/alert-book.ts";
import type { AlertCondition } from "../alerts/alerts.ts";
import { conditionsOf } from "../alerts/conditions.ts";
import type { Turn } from "./types.ts";
import type { Units } from "./units.ts";

/** Prefix of the deadline keys for alerts. The rest of the key is a unit's id, or "" for the daemon. */
const ALERTS = "alerts ";

export const isAlertKey = (key: string): boolean => key.startsWith(ALERTS);
export const unitOfAlertKey = (key: string): string => key.slice(ALERTS.length);

/** Compares the conditions of all units that a turn concerns with their open alerts, and adds the changes to the turn. */
export function judgeAlerts(alerts: AlertBook, units: Units, turn: Turn, nowMs: number): void {
  for (const id of new Set([...turn.changed, ...turn.removed, ...turn.suspects])) {
    const isSettled = id !== "" && units.get(id)?.unit.want !== "up";
    turn.alerts.push(...alerts.judge(id, conditionsFor(id, alerts, units), isSettled, nowMs));
    units.deadlines.put(ALERTS + id, alerts.dueMs(id));
  }
}

/** Returns the conditions that the record of a unit shows, and those that others observed. The daemon ("") has only the latter. */
function conditionsFor(id: string, alerts: AlertBook, units: Units): readonly AlertCondition[] {
  const entry = units.get(id);
  const observed = alerts.observedOf(id);
  return entry === undefined ? (id === "" ? observed : []) : [...conditionsOf(entry), ...observed];
}

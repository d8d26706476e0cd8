import type { Service } from "../../api/contract/shapes.ts";
import { shortTime } from "../format.ts";

/** Returns words such as `down since 03:12:00` if no process of the unit runs, and otherwise null. `now` is wall-clock milliseconds. */
export function downWords({ pid, state_since }: Pick<Service, "pid" | "state_since">, now: number): string | null {
  if (pid !== null) return null;
  return state_since === null ? "not started" : `down since ${shortTime(state_since, now)}`;
}

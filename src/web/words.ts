import type { Service } from "../api/contract/shapes.ts";
import type { Reason } from "../base/words.ts";

/** Plain words for what the contract expresses with short fixed words. */
const BY: Partial<Record<Reason, string>> = {
  operator: "by an operator",
  boot: "with the daemon",
  schedule: "by its schedule",
  watch: "because a watched file changed",
  reload: "because its unit file changed",
  dependency: "because of a dependency",
  scaling: "by automatic scaling",
  shutdown: "because the daemon shut down",
  health: "because its health check kept failing",
  resources: "because it exceeded a resource limit",
  success: "after a successful run",
  condition: "because a condition is not met",
};

/** Returns why a unit is stopped, such as ` by an operator`, or "". */
export const stoppedBy = ({ reason }: Pick<Service, "reason">): string => (BY[reason] === undefined ? "" : ` ${BY[reason]}`);

/** The values of `sub_state` that say more than the state. */
const DETAILS: Readonly<Record<string, string>> = {
  preparing: "preparing the start",
  reloading: "reloading its configuration",
  killing: "killing its processes",
  "stop-signal": "waiting for its processes to end",
  "post-stop": "running its hooks after the stop",
  "waiting for dependents": "waiting until its dependents have stopped",
  exited: "its process ended successfully",
};

/** Returns plain words for `sub_state`, or null if it says nothing more than the state. */
export const detailOf = ({ sub_state }: Pick<Service, "sub_state">): string | null => DETAILS[sub_state] ?? null;

const RESULTS: Readonly<Record<string, string>> = { ok: "passed", bad: "failed", broken: "could not run" };

/** Returns a plain word for the result of a health check. */
export const resultWord = (kind: string): string => RESULTS[kind] ?? kind;

import type { Action, JobOutcome, JobResult, Service } from "../../api/contract/shapes.ts";
import { request } from "../state/api.ts";
import { failuresWithin } from "../state/settled.ts";
import { dismiss, dismissSuccess, showProgress, showToast, STAY_MS } from "../state/toasts.ts";
import { plural } from "../format.ts";

export interface ActionOptions {
  readonly cascade?: boolean;
  readonly now?: boolean;
  readonly signal?: string;
}

export const isUp = ({ state }: Service): boolean =>
  state === "running" || state === "starting" || state === "stopping" || state === "backoff";

/** Returns true if the unit, or a unit of the service, has a process that an action would interrupt. */
export const hasProcess = ({ pid, ready }: Service): boolean => pid !== null || (ready ?? 0) > 0;

/** The most outcomes that are shown one by one. */
const MOST_TOASTS = 4;

const DOING: Readonly<Record<Action, string>> = {
  start: "Starting",
  stop: "Stopping",
  restart: "Restarting",
  reload: "Reloading",
  kill: "Sending a signal to",
  enable: "Enabling",
  disable: "Disabling",
  "reset-failed": "Resetting",
};

/**
 * Requests an action on units. Shows at once that the request is on its way, and then the outcome. The outcome of a start is
 * shown when it is clear that the unit does not fail at once.
 */
export async function act(action: Action, units: readonly string[], options: ActionOptions = {}): Promise<void> {
  const progress = showProgress(`${DOING[action]} ${units.length === 1 ? units[0] : plural(units.length, "unit")}…`);
  const answer = await request("jobs", { action, units: [...units], ...options });
  if (!answer.ok) {
    dismiss(progress);
    return showToast("bad", answer.error.message + (answer.error.hint ? ` (${answer.error.hint})` : ""));
  }
  const { outcomes } = answer.value;
  const started = action === "start" || action === "restart" ? outcomes.filter(({ result }) => result !== "failed") : [];
  const ids = started.map(({ id }) => id);
  const failures = await failuresWithin(SETTLE_MS, ids);
  dismiss(progress);
  showOutcomes(answer.value, failures);
  const up = ids.filter((id) => !failures.has(id));
  for (const id of up.slice(0, MOST_TOASTS)) void failuresWithin(STAY_MS, [id]).then(showLate);
}

/** A unit that is still up after this time counts as started. Most programs that cannot start end sooner. */
const SETTLE_MS = 2500;

/** Replaces the toast about a unit that failed while the page still showed that it had started. */
function showLate(failures: ReadonlyMap<string, string>): void {
  for (const [id, cause] of failures) {
    dismissSuccess(`${id}: `);
    showToast("bad", `${id}: ${cause}`);
  }
}

/** Shows failures one by one. If many units succeeded, shows only their number. `failures` are causes, by unit, of failures after the start. */
function showOutcomes({ outcomes, warnings }: JobResult, failures: ReadonlyMap<string, string>): void {
  for (const warning of warnings) showToast("warning", warning);
  const isBad = ({ id, result }: JobOutcome): boolean => result === "failed" || failures.has(id);
  const failed = outcomes.filter(isBad);
  const done = outcomes.filter((outcome) => !isBad(outcome));
  for (const { id, message } of failed.slice(0, MOST_TOASTS)) showToast("bad", `${id}: ${failures.get(id) ?? message}`);
  if (failed.length > MOST_TOASTS) showToast("bad", `${failed.length - MOST_TOASTS} more units failed`);
  if (done.length > MOST_TOASTS) showToast(toneOfOutcomes(done), `${done.length} units: done`);
  else for (const outcome of done) showToast(toneOfOutcomes([outcome]), `${outcome.id}: ${outcome.message}`);
}

const toneOfOutcomes = (outcomes: readonly JobOutcome[]): "good" | "warning" =>
  outcomes.some(({ state }) => state === "backoff" || state === "failed" || state === "fatal") ? "warning" : "good";

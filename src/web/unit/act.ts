import type { Action, JobResult, Service } from "../../api/contract/shapes.ts";
import { request } from "../state/api.ts";
import { showToast } from "../state/toasts.ts";

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

/** Requests an action on units, and shows the outcome when it is done. */
export async function act(action: Action, units: readonly string[], options: ActionOptions = {}): Promise<void> {
  const answer = await request("jobs", { action, units: [...units], ...options });
  if (!answer.ok) showToast("bad", answer.error.message + (answer.error.hint ? ` (${answer.error.hint})` : ""));
  else showOutcomes(answer.value);
}

/** Shows failures one by one. If many units succeeded, shows only their number. */
function showOutcomes({ outcomes, warnings }: JobResult): void {
  for (const warning of warnings) showToast("warning", warning);
  const failed = outcomes.filter(({ result }) => result === "failed");
  const done = outcomes.filter(({ result }) => result !== "failed");
  for (const { id, message } of failed.slice(0, MOST_TOASTS)) showToast("bad", `${id}: ${message}`);
  if (failed.length > MOST_TOASTS) showToast("bad", `${failed.length - MOST_TOASTS} more units failed`);
  if (done.length > MOST_TOASTS) showToast("good", `${done.length} units: done`);
  else for (const { id, message } of done) showToast("good", `${id}: ${message}`);
}

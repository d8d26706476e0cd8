import type { CommandCondition, Spec, StartCondition } from "../../spec/spec.ts";

/** Time limit for checking all paths of a unit's conditions. */
export const PATH_CHECK_MS = 10_000;

/** The interpreter enforces the time limits of commands. A unit waits this much longer, in case the interpreter does not answer. */
export const HOOK_GUARD_MS = 5_000;

export const isCommand = (condition: StartCondition): condition is CommandCondition => condition.kind === "command";

/** What happens before the main process is started. The pre_start commands run only if the conditions are met. */
export const preparation = ({ conditions }: Pick<Spec, "conditions">): string =>
  conditions.length === 0 ? "running pre_start" : "checking the conditions";

/** How long checking the conditions and running the pre_start commands may take. */
export function preparationMs({ conditions, preStart }: Pick<Spec, "conditions" | "preStart">): number {
  const commands = [...conditions.filter(isCommand), ...preStart];
  const paths = conditions.some(({ kind }) => kind !== "command") ? PATH_CHECK_MS : 0;
  return commands.reduce((sum, { timeoutMs }) => sum + timeoutMs, paths + HOOK_GUARD_MS);
}

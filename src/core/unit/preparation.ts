import type { Spec } from "../../spec/spec.ts";

/** Time limit for checking all paths of a unit's conditions. */
export const PATH_CHECK_MS = 10_000;

/** The interpreter enforces the time limits of commands. A unit waits this much longer, in case the interpreter does not answer. */
export const HOOK_GUARD_MS = 5_000;

/** How long checking the conditions and running the pre_start commands may take. */
export function preparationMs({ conditions, preStart }: Pick<Spec, "conditions" | "preStart">): number {
  const commands = [...conditions.flatMap((one) => (one.kind === "command" ? [one] : [])), ...preStart];
  const paths = conditions.some(({ kind }) => kind !== "command") ? PATH_CHECK_MS : 0;
  return commands.reduce((sum, { timeoutMs }) => sum + timeoutMs, paths + HOOK_GUARD_MS);
}

import { ok } from "../../../base/result.ts";
import type { Handler } from "./handler.ts";

export const reloadUnits: Handler<"reloadUnits"> = async ({ dry_run, force }, { supervisor }) =>
  ok(await supervisor.reloadUnits(dry_run, force));

export const groups: Handler<"groups"> = async (_input, { supervisor }) => {
  const entries = Object.entries(await supervisor.groups()).map(([name, units]) => [name, [...units]] as [string, string[]]);
  return ok(Object.fromEntries(entries));
};

export const graph: Handler<"graph"> = async (_input, { supervisor }) => ok(await supervisor.graph());

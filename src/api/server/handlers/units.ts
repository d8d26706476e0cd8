import type { Handler } from "./handler.ts";

export const reloadUnits: Handler<"reloadUnits"> = async ({ dry_run }, { supervisor }) => ({
  ok: true,
  value: await supervisor.reloadUnits(dry_run),
});

export const groups: Handler<"groups"> = (_input, { supervisor }) => {
  const entries = Object.entries(supervisor.groups()).map(([name, units]) => [name, [...units]] as [string, string[]]);
  return { ok: true, value: Object.fromEntries(entries) };
};

export const graph: Handler<"graph"> = (_input, { supervisor }) => ({ ok: true, value: supervisor.graph() });

import { ok } from "../../../base/result.ts";
import type { Handler } from "./handler.ts";

export const alerts: Handler<"alerts"> = async ({ open }, { supervisor }) => ok([...(await supervisor.alerts(open))]);

export const acknowledge: Handler<"acknowledge"> = async ({ ids, units }, { supervisor }) => {
  const done = await supervisor.acknowledge(ids, units);
  return done.ok ? { ok: true, value: { acknowledged: done.value } } : done;
};

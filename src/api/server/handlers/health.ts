import type { Handler } from "./handler.ts";

/** That the event loop turns; says nothing of the units and so needs no token. */
export const healthz: Handler<"healthz"> = () => ({ ok: true, value: { status: "ok" } });

export const serviceHealth: Handler<"serviceHealth"> = ({ id, run }, { supervisor }) => supervisor.serviceHealth(id, run);

/** 503 for a load balancer's eyes; the body is the same. */
export const health: Handler<"health"> = (_input, { supervisor }) => {
  const value = supervisor.overallHealth();
  return { ok: true, value, status: value.status === "unhealthy" ? 503 : 200 };
};

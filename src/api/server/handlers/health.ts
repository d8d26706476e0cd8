import type { Handler } from "./handler.ts";

/** Shows that the event loop runs. It says nothing about the units, and so needs no token. */
export const healthz: Handler<"healthz"> = () => ({ ok: true, value: { status: "ok" } });

export const serviceHealth: Handler<"serviceHealth"> = ({ id, run }, { supervisor }) => supervisor.serviceHealth(id, run);

export const probe: Handler<"probe"> = ({ id }, { supervisor }) => supervisor.serviceHealth(id, true);

/** The status 503 is for load balancers; the body is the same as that of a 200. */
export const health: Handler<"health"> = async (_input, { supervisor }) => {
  const value = await supervisor.overallHealth();
  return { ok: true, value, status: value.status === "unhealthy" ? 503 : 200 };
};

import type { Handler } from "./handler.ts";

/** Shows that the event loop runs. The response contains nothing about the units, so it requires no token. */
export const healthz: Handler<"healthz"> = () => ({ ok: true, value: { status: "ok" } });

export const serviceHealth: Handler<"serviceHealth"> = ({ id, run }, { supervisor }) => supervisor.serviceHealth(id, run);

export const probe: Handler<"probe"> = ({ id }, { supervisor }) => supervisor.serviceHealth(id, true);

/** Returns the health of all units. The status 503 is for load balancers. The body has the same form as with status 200. */
export const health: Handler<"health"> = async (_input, { supervisor }) => {
  const value = await supervisor.overallHealth();
  return { ok: true, value, status: value.status === "unhealthy" ? 503 : 200 };
};

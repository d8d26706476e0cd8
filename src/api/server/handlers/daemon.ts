import { ok } from "../../../base/result.ts";
import type { Handler } from "./handler.ts";

export const status: Handler<"status"> = async (_input, { supervisor }) => ok(await supervisor.status());

export const host: Handler<"host"> = async (_input, { supervisor }) => ok(await supervisor.host());

export const summary: Handler<"summary"> = async (_input, { supervisor }) => ok(await supervisor.summary());

export const openapi: Handler<"openapi"> = async (_input, context) => ok(await context.openapi());

/** Stops the daemon. The response is sent before the daemon ends, because no response can be sent afterwards. */
export const shutdown: Handler<"shutdown"> = async ({ leave }, { supervisor }) => {
  await supervisor.shutdown(leave);
  return { ok: true, value: { status: "stopping" }, status: 202 };
};

/** Re-executes the daemon. The response is sent before that happens. */
export const reexec: Handler<"reexec"> = async (_input, { supervisor }) => {
  await supervisor.reexec();
  return { ok: true, value: { status: "re-executing" }, status: 202 };
};

import { ok } from "../../../base/result.ts";
import type { Handler } from "./handler.ts";

export const status: Handler<"status"> = async (_input, { supervisor }) => ok(await supervisor.status());

export const summary: Handler<"summary"> = async (_input, { supervisor }) => ok(await supervisor.summary());

export const openapi: Handler<"openapi"> = (_input, context) => ok(context.openapi());

/** Answers before the daemon ends: afterwards there would be nobody to answer. */
export const shutdown: Handler<"shutdown"> = async ({ leave }, { supervisor }) => {
  await supervisor.shutdown(leave);
  return { ok: true, value: { status: "stopping" }, status: 202 };
};

/** Answers before the daemon re-executes itself. */
export const reexec: Handler<"reexec"> = async (_input, { supervisor }) => {
  await supervisor.reexec();
  return { ok: true, value: { status: "re-executing" }, status: 202 };
};

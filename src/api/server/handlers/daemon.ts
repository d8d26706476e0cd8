import type { Handler } from "./handler.ts";

export const status: Handler<"status"> = (_input, { supervisor }) => ({ ok: true, value: supervisor.status() });

export const summary: Handler<"summary"> = (_input, { supervisor }) => ({ ok: true, value: supervisor.summary() });

export const alerts: Handler<"alerts"> = ({ open }, { supervisor }) => ({ ok: true, value: supervisor.alerts(open) });

export const openapi: Handler<"openapi"> = (_input, context) => ({ ok: true, value: context.openapi() });

/** Answers before the end has come: who asked could not be told after it. */
export const shutdown: Handler<"shutdown"> = ({ leave }, { supervisor }) => {
  supervisor.shutdown(leave);
  return { ok: true, value: { status: "stopping" }, status: 202 };
};

/** Answers before it happens. */
export const reexec: Handler<"reexec"> = (_input, { supervisor }) => {
  supervisor.reexec();
  return { ok: true, value: { status: "re-executing" }, status: 202 };
};

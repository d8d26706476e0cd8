import { ok } from "../../../base/result.ts";
import { ERRORS, type ErrorCode } from "../../contract/errors.ts";
import { serviceRows } from "../../contract/service-rows.ts";
import type * as shape from "../../contract/shapes.ts";
import type { Answer, Context, Handler } from "./handler.ts";
import { signalProblem } from "./signal.ts";

export const service: Handler<"service"> = ({ id, pss }, { supervisor }) => supervisor.serviceDetail(id, pss);

export const processes: Handler<"processes"> = async ({ id }, { supervisor }) => {
  const found = await supervisor.processes(id);
  return found.ok ? ok([...found.value]) : found;
};

export const serviceFile: Handler<"serviceFile"> = ({ id, reveal }, { supervisor }) => supervisor.file(id, reveal);

export const why: Handler<"why"> = ({ id }, { supervisor }) => supervisor.why(id);

export const explain: Handler<"explain"> = ({ id }, { supervisor }) => supervisor.explain(id);

export const diff: Handler<"diff"> = ({ id, from, to }, { supervisor }) => supervisor.diff(id, { from, to });

export const start: Handler<"start"> = (input, context) => act("start", input, context);
export const stop: Handler<"stop"> = (input, context) => act("stop", input, context);
export const restart: Handler<"restart"> = (input, context) => act("restart", input, context);
export const reload: Handler<"reload"> = (input, context) => act("reload", input, context);
export const enable: Handler<"enable"> = (input, context) => act("enable", input, context);
export const disable: Handler<"disable"> = (input, context) => act("disable", input, context);
export const resetFailed: Handler<"resetFailed"> = (input, context) => act("reset-failed", input, context);

export const services: Handler<"services"> = async (_input, { supervisor }) => {
  const { services: units } = await supervisor.status();
  return ok(serviceRows(units).map((row) => ({ service: row.service, units: [...row.units] })));
};

export const scale: Handler<"scale"> = async ({ id, units, reset, wait, dry_run }, { supervisor }) => {
  if ((units === undefined) !== reset) {
    const message = reset ? "cannot accept both units and reset" : "cannot accept the request: units is missing";
    return { ok: false, error: { code: "invalid", message, hint: "units: the number of units; or reset: the number in the unit file" } };
  }
  const done = await supervisor.scale(id, { units: units ?? null, wait, dryRun: dry_run });
  if (!done.ok) return done;
  return { ...done, status: done.value.outcomes.some(({ result }) => result === "pending") ? 202 : 200 };
};

export const rollingRestart: Handler<"rollingRestart"> = ({ id, dry_run }, { supervisor }) => supervisor.rollingRestart(id, dry_run);
export const rollout: Handler<"rollout"> = async ({ id }, { supervisor }) => {
  const found = await supervisor.rollout(id);
  return found.ok ? ok({ rollout: found.value }) : found;
};
export const controlRollout: Handler<"controlRollout"> = ({ id, action }, { supervisor }) => supervisor.controlRollout(id, action);

export const kill: Handler<"kill"> = ({ signal, ...input }, context) => {
  if (signal === undefined) return act("kill", input, context);
  const problem = signalProblem(signal);
  return problem ? { ok: false, error: problem } : act("kill", { ...input, signal }, context);
};

type Options = Omit<shape.JobRequest, "action" | "units"> & { readonly id: string };

/** Runs an action on one unit, as a job with a single unit. The status is 202 if the outcome is pending. */
async function act(action: shape.Action, { id, ...options }: Options, { supervisor }: Context): Promise<Answer<"start">> {
  const done = await supervisor.act({ action, units: [id], ...options });
  if (!done.ok) return done;
  const { outcomes, warnings } = done.value;
  const outcome = outcomes.find(({ result }) => result === "failed") ?? outcomes.find((one) => one.id === id) ?? outcomes[0];
  if (!outcome) return { ok: false, error: { code: "failed", message: `cannot ${action} ${id}: the daemon gave no outcome` } };
  if (outcome.result === "failed") return { ok: false, error: { code: errorCode(outcome.code), message: outcome.message } };
  const after = await supervisor.service(id);
  if (!after.ok) return after;
  return { ok: true, value: { outcome, service: after.value, warnings }, status: outcome.result === "pending" ? 202 : 200 };
}

const errorCode = (code: string | undefined): ErrorCode =>
  code !== undefined && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "failed";

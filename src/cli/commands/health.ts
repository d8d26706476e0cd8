import { EXIT } from "../../api/contract/errors.ts";
import type { OverallHealth, ServiceHealth } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import type { Context, Run } from "../context.ts";
import { resolveIds } from "../requests/resolve-ids.ts";
import { grid } from "../render/grid.ts";
import { safe } from "../render/safe.ts";
import { HEALTH_COLOUR, STATE_COLOUR } from "../render/state.ts";
import { relative, shortTime } from "../render/time.ts";

export const run: Run = (context) => (context.args.length === 0 ? overall(context) : ofUnits(context));

async function overall(context: Context): Promise<number> {
  if (context.options.run) {
    return context.fail({ code: "bad-request", message: "--run needs a unit", hint: "`sup health '*' --run` runs every check" });
  }
  const answer = await context.client.call("health");
  if (!answer.ok) return context.fail(answer.error);
  if (context.options.json) context.json(answer.value);
  else context.out(describe(answer.value, context));
  return answer.value.status === "unhealthy" ? EXIT.failed : EXIT.done;
}

function describe(health: OverallHealth, { paint, host }: Context): string {
  const counts = Object.entries(health.counts)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`);
  const head = `${paint(HEALTH_COLOUR[health.status], health.status)}${counts.length > 0 ? `: ${counts.join(", ")}` : ""}`;
  if (health.not_healthy.length === 0) return head;
  const rows = health.not_healthy.map((unit) => [
    paint("bold", safe(unit.id)),
    paint(STATE_COLOUR[unit.state], unit.state),
    paint(HEALTH_COLOUR[unit.health], unit.health),
    safe(unit.detail ?? unit.reason),
  ]);
  return `${head}\n${grid(["Unit", "State", "Health", "Reason"], rows, paint, host.columns())}`;
}

async function ofUnits(context: Context): Promise<number> {
  const ids = await resolveIds(context, context.args);
  if (!ids.ok) return context.fail(ids.error);
  const run = context.options.run ?? false;
  const answers = await Promise.all(ids.value.map((id) => context.client.call(run ? "probe" : "serviceHealth", { id })));
  const checks: ServiceHealth[] = [];
  let refused: number | null = null;
  for (const answer of answers) {
    if (answer.ok) checks.push(answer.value);
    else if (run && answers.length > 1 && answer.error.code === "conflict") {
      context.note(`sup: ${safe(answer.error.message)}`);
      refused = EXIT.failed;
    } else return context.fail(answer.error);
  }
  if (context.options.json) context.json(checks.length === 1 ? checks[0] : checks);
  else context.out(checks.map((check) => describeCheck(check, context)).join("\n\n"));
  return refused ?? (checks.some(isBad) ? EXIT.failed : EXIT.done);
}

/** Returns true if the unit is unhealthy or is down after a failure. The overall health follows the same rule. */
const isBad = ({ health, state }: ServiceHealth): boolean =>
  health === "unhealthy" || state === "failed" || state === "fatal" || state === "backoff";

function describeCheck(check: ServiceHealth, { paint, host }: Context): string {
  const { state, health } = check;
  const exit = check.last_exit === null || !isBad(check) ? "" : `: ${safe(check.last_exit)}`;
  const words =
    health === "unknown" && state !== "running" ? paint(STATE_COLOUR[state], `${state}${exit}`) : paint(HEALTH_COLOUR[health], health);
  const head = `${paint("bold", safe(check.id))}: ${words}`;
  if (check.check === null) return `${head}, no health check`;
  const threshold =
    check.failure_threshold === null ? "" : `, ${check.consecutive_failures} of ${check.failure_threshold} failures in a row`;
  const next = check.next_probe ? `, next ${relative(check.next_probe, host.now())}` : "";
  const about = `${head} (${safe(check.check)}${threshold}${next})`;
  if (check.results.length === 0) return `${about}\nNo results yet.`;
  const rows = check.results.map((result) => [
    shortTime(result.time, host.now()),
    paint(result.kind === "ok" ? "green" : result.kind === "bad" ? "red" : "yellow", result.kind) + (result.fallback ? " (fallback)" : ""),
    result.response_ms === null ? "" : formatDuration(result.response_ms),
    safe(result.detail),
  ]);
  return `${about}\n${grid(["Time", "Result", "Took", "Detail"], rows, paint, host.columns())}`;
}

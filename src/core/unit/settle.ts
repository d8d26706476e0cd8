import { formatDuration } from "../../base/duration.ts";
import type { Reason } from "../../base/words.ts";
import { afterRun, decide, isSuccess, type Decision } from "./restart.ts";
import { exitDetails, tell, type Outcome, type Situation } from "./outcome.ts";
import type { Ending, Unit } from "./record.ts";

/**
 * A run is over and its tree is gone: what now? The operator's wish comes first, then a planned restart, then the policy.
 */
export function settle(situation: Situation): Outcome {
  const { unit, spec, env } = situation;
  const end: Ending = unit.ending ?? { by: "stop", cause: unit.cause, exit: null, detail: "", killed: [], ranMs: null };
  const success = isSuccess(spec.restart, end);
  const over: Unit = { ...unit, process: null, due: null, ending: null, last: end, succeeded: spec.type === "oneshot" && success };
  if (unit.want === "down") {
    const details = { run: unit.run, ...exitDetails(end.exit), reason: unit.cause, killed: end.killed };
    const ledger = { ...over.ledger, retries: 0 };
    return {
      unit: { ...over, phase: "idle", reason: unit.cause, restarting: false, ledger },
      effects: [tell("stopped", stoppedWords(end), details)],
    };
  }
  if (end.by === "restart") {
    const ledger = afterRun(spec.restart, unit.ledger, end.ranMs);
    return { unit: { ...over, phase: "waiting", reason: end.cause, cause: end.cause, restarting: true, ledger }, effects: [] };
  }
  return apply(decide(spec.restart, unit.ledger, end, env), { ...situation, unit: over }, end, success);
}

function apply(decision: Decision, { unit, spec, env }: Situation, end: Ending, success: boolean): Outcome {
  const reason = reasonOf(end);
  const details = { run: unit.run, reason, ...exitDetails(end.exit), killed: end.killed, cause: end.detail };
  const next: Unit = { ...unit, ledger: decision.ledger, reason };
  if (decision.kind === "done") {
    const well: Unit = { ...next, reason: "success" };
    if (spec.remainAfterExit && success)
      return { unit: { ...well, phase: "exited" }, effects: [tell("running", "finished; counts as running", details)] };
    return { unit: { ...well, phase: "idle", want: "down" }, effects: [tell("stopped", `finished: ${end.detail}`, details)] };
  }
  if (decision.kind === "giveUp") {
    const phase = decision.fatal ? "fatal" : "failed";
    const retryAfter = decision.fatal ? spec.restart.fatalRetryAfterMs : null;
    const due = retryAfter === null ? null : ({ atMs: env.nowMs + retryAfter, why: "fatal-retry" } as const);
    const later = retryAfter === null ? "" : `; next attempt in ${formatDuration(retryAfter)}`;
    return { unit: { ...next, phase, due }, effects: [tell(phase, `${end.detail}; ${decision.why}${later}`, details)] };
  }
  const { delayMs, attempt } = decision;
  const limit = spec.restart.maxRetries < 0 ? "" : `/${spec.restart.maxRetries}`;
  const uncounted = end.by === "shortage" ? "another try, which is not counted," : "restart after a clean exit";
  const which = attempt === null ? uncounted : `retry ${attempt}${limit}`;
  const said = tell("backoff", `${end.detail}; ${which} ${delayMs <= 0 ? "at once" : `in ${formatDuration(delayMs)}`}`, {
    ...details,
    attempt,
    delay_ms: Math.round(delayMs),
  });
  if (delayMs <= 0) return { unit: { ...next, phase: "waiting", restarting: true }, effects: [said] };
  return { unit: { ...next, phase: "backoff", due: { atMs: env.nowMs + delayMs, why: "backoff" } }, effects: [said] };
}

/** The public word for how a run ended. */
export function reasonOf(end: Ending): Reason {
  switch (end.by) {
    case "exit":
    case "quit":
      if (end.exit?.kind === "code") return end.exit.code === 0 ? "success" : "exit-code";
      if (end.exit?.kind === "signal" && end.exit.oom) return "oom-kill";
      if (end.exit?.kind === "signal") return end.exit.core ? "core-dump" : "signal";
      return "unknown";
    case "stop":
    case "restart":
      return end.cause;
    case "hook":
      return "exit-code";
    case "shortage":
      return "resources";
    default:
      return end.by;
  }
}

function stoppedWords(end: Ending): string {
  const killed = end.killed.length === 0 ? "" : `; needed SIGKILL: ${end.killed.join(", ")}`;
  return `stopped${end.detail ? `: ${end.detail}` : ""}${killed}`;
}

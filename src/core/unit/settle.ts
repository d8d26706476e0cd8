import { formatDuration } from "../../base/duration.ts";
import type { Reason } from "../../base/words.ts";
import { afterRun, decide, isSuccess, type Decision } from "./restart.ts";
import { exitDetails, record, type Outcome, type Situation } from "./outcome.ts";
import type { Ending, Unit } from "./record.ts";

/** Decides what follows a run whose processes are all gone. A requested stop takes precedence over a requested restart, and both over the policy. */
export function settle(situation: Situation): Outcome {
  const { unit, spec, env } = situation;
  const end: Ending = unit.ending ?? { by: "stop", cause: unit.cause, exit: null, detail: "", killed: [], ranMs: null };
  const success = isSuccess(spec.restart, end);
  const ended: Unit = { ...unit, process: null, due: null, ending: null, last: end, succeeded: spec.type === "oneshot" && success };
  if (unit.want === "down") {
    const details = { run: unit.run, ...exitDetails(end.exit), reason: unit.cause, killed: end.killed };
    const ledger = { ...ended.ledger, retries: 0 };
    return {
      unit: { ...ended, phase: "idle", reason: unit.cause, restarting: false, ledger },
      effects: [record("stopped", describeStop(end), details)],
    };
  }
  if (end.by === "restart") {
    const ledger = afterRun(spec.restart, unit.ledger, end.ranMs);
    return { unit: { ...ended, phase: "waiting", reason: end.cause, cause: end.cause, restarting: true, ledger }, effects: [] };
  }
  if (end.by === "condition") {
    const ledger = { ...ended.ledger, retries: 0 };
    return {
      unit: { ...ended, phase: "idle", want: "down", reason: "condition", ledger },
      effects: [record("skipped", `start skipped: ${end.detail}`, { run: unit.run, reason: "condition" })],
    };
  }
  return apply(decide(spec.restart, unit.ledger, end, env), { ...situation, unit: ended }, end, success);
}

function apply(decision: Decision, { unit, spec, env }: Situation, end: Ending, success: boolean): Outcome {
  const reason = reasonOf(end);
  const details = { run: unit.run, reason, ...exitDetails(end.exit), killed: end.killed, cause: end.detail };
  const settled: Unit = { ...unit, ledger: decision.ledger, reason };
  if (decision.kind === "done") {
    const successful: Unit = { ...settled, reason: "success" };
    if (spec.remainAfterExit && success)
      return {
        unit: { ...successful, phase: "exited" },
        effects: [record("running", "finished; counts as running (remain_after_exit)", details)],
      };
    return { unit: { ...successful, phase: "idle", want: "down" }, effects: [record("stopped", `finished: ${end.detail}`, details)] };
  }
  if (decision.kind === "giveUp") {
    const phase = decision.fatal ? "fatal" : "failed";
    const retryAfter = decision.fatal ? spec.restart.fatalRetryAfterMs : null;
    const due = retryAfter === null ? null : ({ atMs: env.nowMs + retryAfter, why: "fatal-retry" } as const);
    const later = retryAfter === null ? "" : `; next attempt in ${formatDuration(retryAfter)}`;
    return { unit: { ...settled, phase, due }, effects: [record(phase, `${end.detail}; ${decision.why}${later}`, details)] };
  }
  const { delayMs, attempt } = decision;
  const when = delayMs <= 0 ? "immediately" : `in ${formatDuration(delayMs)}`;
  const limit = spec.restart.maxRetries < 0 ? "" : ` of ${spec.restart.maxRetries}`;
  const uncounted = end.by === "shortage" ? `next attempt ${when} (does not use up a retry)` : `restart ${when} (restart_on_exit)`;
  const next = attempt === null ? uncounted : `retry ${attempt}${limit} ${when}`;
  const entry = record("backoff", `${end.detail}; ${next}`, {
    ...details,
    attempt,
    delay_ms: Math.round(delayMs),
  });
  if (delayMs <= 0) return { unit: { ...settled, phase: "waiting", restarting: true }, effects: [entry] };
  return { unit: { ...settled, phase: "backoff", due: { atMs: env.nowMs + delayMs, why: "backoff" } }, effects: [entry] };
}

/** Returns the public `reason` that says how a run ended. */
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

function describeStop(end: Ending): string {
  const killed = end.killed.length === 0 ? "" : `; needed SIGKILL: ${end.killed.join(", ")}`;
  return `stopped${end.detail ? `: ${end.detail}` : ""}${killed}`;
}

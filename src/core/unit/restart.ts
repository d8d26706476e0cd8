import type { Exit } from "../../base/exit.ts";
import type { RestartPolicy } from "../../spec/spec.ts";
import type { Ending, Env, Ledger, Unit } from "./record.ts";

/** What sup does after a run has exited by itself, or after sup has ended a run because of a failure. */
export type Decision =
  /** Start again after this delay. `attempt` is the number of the retry, or null after a clean exit or a resource shortage. */
  | { readonly kind: "after"; readonly delayMs: number; readonly attempt: number | null; readonly ledger: Ledger }
  /** The policy forbids a restart, or the retries are used up. */
  | { readonly kind: "giveUp"; readonly fatal: boolean; readonly why: string; readonly ledger: Ledger }
  /** The run succeeded, and the unit stays down. */
  | { readonly kind: "done"; readonly ledger: Ledger };

const SECOND = 1000;
const MAX_STARTS_PER_SECOND = 10;

/**
 * Decides what follows a run. Clean exits come first, then the settings that forbid a restart, then the back-off. The back-off before
 * retry n is `retry_delay × backoff_multiplier^(n-1)`, at most `max_backoff`, randomised by `jitter`.
 */
export function decide(policy: RestartPolicy, ledger: Ledger, ended: Pick<Ending, "by" | "exit" | "ranMs">, env: Env): Decision {
  const aged = afterRun(policy, ledger, ended.ranMs);
  const byItself = ended.by === "exit" || ended.by === "protocol";
  const code = byItself && ended.exit?.kind === "code" ? ended.exit.code : null;
  const forbidden = code !== null && policy.noRestartExitCodes.includes(code);
  if (isSuccess(policy, ended)) {
    const clean = { ...aged, retries: 0 };
    if (!policy.restartOnExit || forbidden) return { kind: "done", ledger: clean };
    return { kind: "after", attempt: null, ...throttle(policy.retryDelayMs, clean, env) };
  }
  if (!policy.autoRestart) return { kind: "giveUp", fatal: false, why: "auto_restart is off", ledger: aged };
  if (forbidden) return { kind: "giveUp", fatal: false, why: "listed in no_restart_exit_codes", ledger: aged };
  // A shortage on the machine is not the unit's fault, so sup retries without limit until resources are available.
  if (ended.by === "shortage") return { kind: "after", attempt: null, delayMs: Math.max(policy.retryDelayMs, SECOND), ledger: aged };
  if (policy.maxRetries >= 0 && aged.retries >= policy.maxRetries) {
    return { kind: "giveUp", fatal: true, why: `${aged.retries} of ${policy.maxRetries} retries failed`, ledger: aged };
  }
  const attempt = aged.retries + 1;
  return { kind: "after", attempt, ...throttle(backoffMs(policy, attempt, env.roll), { ...aged, retries: attempt }, env) };
}

/** Returns the delay before retry number `attempt` (from 1), in milliseconds. With `roll` 0.5 it is the delay without jitter. */
export function backoffMs(policy: RestartPolicy, attempt: number, roll: number): number {
  if (policy.retryDelayMs === 0) return 0; // the power below may be Infinity, and 0 × Infinity is NaN
  const plain = Math.min(policy.retryDelayMs * policy.backoffMultiplier ** (attempt - 1), policy.maxBackoffMs);
  return Math.min(plain * (1 + policy.jitter * (2 * roll - 1)), policy.maxBackoffMs);
}

/** Resets the retry counter and the throttle if the run was ready for long enough. How the run ended does not matter. */
export function afterRun(policy: RestartPolicy, ledger: Ledger, ranMs: number | null): Ledger {
  if (ranMs === null) return ledger;
  return {
    ...ledger,
    retries: ranMs >= policy.resetAfterMs ? 0 : ledger.retries,
    throttled: ledger.throttled && ranMs < SECOND,
  };
}

/** Returns the monotonic time at which the retry counter of a ready unit resets, or null if it is 0 or the unit is not ready. */
export const retriesResetAtMs = ({ phase, ledger, readyAtMs }: Unit, { resetAfterMs }: RestartPolicy): number | null =>
  ledger.retries > 0 && readyAtMs !== null && (phase === "running" || phase === "reloading") ? readyAtMs + resetAfterMs : null;

/** Returns true if the run exited with one of `success_exit_codes`. A signal or a failure that sup detected is never a success. */
export const isSuccess = (policy: RestartPolicy, ended: { readonly by: Ending["by"]; readonly exit: Exit | null }): boolean =>
  ended.by === "exit" && ended.exit?.kind === "code" && policy.successExitCodes.includes(ended.exit.code);

/** Records a start, and throttles the unit if there were too many starts within the last second. */
export function noteStart(ledger: Ledger, nowMs: number): Ledger {
  const recentStarts = [...ledger.recentStarts.filter((at) => nowMs - at < SECOND), nowMs].slice(-(MAX_STARTS_PER_SECOND + 1));
  return { ...ledger, recentStarts, throttled: ledger.throttled || recentStarts.length > MAX_STARTS_PER_SECOND };
}

/** Delays the next start of a throttled unit, so that it starts at most once per second. A run that lasts a second ends the throttling. */
function throttle(delayMs: number, ledger: Ledger, env: Env): { delayMs: number; ledger: Ledger } {
  if (!ledger.throttled) return { delayMs, ledger };
  const lastStart = ledger.recentStarts.at(-1) ?? env.nowMs;
  return { delayMs: Math.max(delayMs, lastStart + SECOND - env.nowMs), ledger };
}

import type { Exit } from "../../base/exit.ts";
import type { RestartPolicy } from "../../spec/spec.ts";
import type { Ending, Env, Ledger } from "./record.ts";

/** What to do after a run has ended by itself or was ended for a fault. */
export type Decision =
  /** Start again after this delay. `attempt` is the number of the retry; null after a clean exit or for want of resources. */
  | { readonly kind: "after"; readonly delayMs: number; readonly attempt: number | null; readonly ledger: Ledger }
  /** The policy forbids a restart, or the retries are used up. */
  | { readonly kind: "giveUp"; readonly fatal: boolean; readonly why: string; readonly ledger: Ledger }
  /** It ended well and stays down. */
  | { readonly kind: "done"; readonly ledger: Ledger };

const SECOND = 1000;
const MAX_STARTS_A_SECOND = 10;

/**
 * The restart decision: clean exits first, then what forbids a restart, then the back-off
 * `retry_delay × backoff_multiplier^(n-1)`, at most `max_backoff`, spread by `jitter`.
 */
export function decide(policy: RestartPolicy, ledger: Ledger, ended: Pick<Ending, "by" | "exit" | "ranMs">, env: Env): Decision {
  const aged = afterRun(policy, ledger, ended.ranMs);
  const byItself = ended.by === "exit" || ended.by === "protocol";
  const code = byItself && ended.exit?.kind === "code" ? ended.exit.code : null;
  const forbidden = code !== null && policy.noRestartExitCodes.includes(code);
  if (isSuccess(policy, ended)) {
    const clean = { ...aged, retries: 0 };
    if (!policy.restartOnExit || forbidden) return { kind: "done", ledger: clean };
    return { kind: "after", attempt: null, ...slowed(policy.retryDelayMs, clean, env) };
  }
  if (!policy.autoRestart) return { kind: "giveUp", fatal: false, why: "auto_restart is off", ledger: aged };
  if (forbidden) return { kind: "giveUp", fatal: false, why: `exit code ${code} is one of no_restart_exit_codes`, ledger: aged };
  // Our own shortage is no failure of the unit: it is tried until there is room, and never given up.
  if (ended.by === "shortage") return { kind: "after", attempt: null, delayMs: Math.max(policy.retryDelayMs, SECOND), ledger: aged };
  if (policy.maxRetries >= 0 && aged.retries >= policy.maxRetries) {
    return { kind: "giveUp", fatal: true, why: `${aged.retries} of ${policy.maxRetries} retries failed`, ledger: aged };
  }
  const attempt = aged.retries + 1;
  return { kind: "after", attempt, ...slowed(backoffMs(policy, attempt, env.roll), { ...aged, retries: attempt }, env) };
}

/** The delay before retry n (from 1), in milliseconds. `roll` 0.5 is the middle of the jitter. */
export function backoffMs(policy: RestartPolicy, attempt: number, roll: number): number {
  if (policy.retryDelayMs === 0) return 0; // the power may be infinite, and 0 × ∞ is no number
  const plain = Math.min(policy.retryDelayMs * policy.backoffMultiplier ** (attempt - 1), policy.maxBackoffMs);
  return Math.min(plain * (1 + policy.jitter * (2 * roll - 1)), policy.maxBackoffMs);
}

/** What a run that was `running` for so long leaves of the count and of the throttle, however it ended. */
export function afterRun(policy: RestartPolicy, ledger: Ledger, ranMs: number | null): Ledger {
  if (ranMs === null) return ledger;
  return {
    ...ledger,
    retries: ranMs >= policy.resetAfterMs ? 0 : ledger.retries,
    throttled: ledger.throttled && ranMs < SECOND,
  };
}

/** An exit code of `success_exit_codes`; a signal or a fault found by sup never is. */
export const isSuccess = (policy: RestartPolicy, ended: { readonly by: Ending["by"]; readonly exit: Exit | null }): boolean =>
  ended.by === "exit" && ended.exit?.kind === "code" && policy.successExitCodes.includes(ended.exit.code);

/** Takes a start into the account of the last second. */
export function noteStart(ledger: Ledger, nowMs: number): Ledger {
  const recentStarts = [...ledger.recentStarts.filter((at) => nowMs - at < SECOND), nowMs].slice(-(MAX_STARTS_A_SECOND + 1));
  return { ...ledger, recentStarts, throttled: ledger.throttled || recentStarts.length > MAX_STARTS_A_SECOND };
}

/** A unit that was started more than 10 times within a second starts once a second until a run lasts one. */
function slowed(delayMs: number, ledger: Ledger, env: Env): { delayMs: number; ledger: Ledger } {
  if (!ledger.throttled) return { delayMs, ledger };
  const lastStart = ledger.recentStarts.at(-1) ?? env.nowMs;
  return { delayMs: Math.max(delayMs, lastStart + SECOND - env.nowMs), ledger };
}

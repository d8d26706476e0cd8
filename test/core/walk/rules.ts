import type { Phase } from "../../../src/core/unit/phase.ts";
import type { Unit } from "../../../src/core/unit/record.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import type { Outside } from "./situations.ts";

/** Phases that wait for something other than an operator, a dependency or a process: each needs a deadline. */
const NEEDS_DUE: ReadonlySet<Phase> = new Set(["preparing", "reloading", "stopping", "killing", "cleaning", "finishing", "backoff"]);
const MAY_LIVE: ReadonlySet<Phase> = new Set(["starting", "running", "reloading", "stopping", "killing"]);
const HOOK_MAY_LIVE: ReadonlySet<Phase> = new Set(["preparing", "stopping", "killing"]);

/** What is wrong in this situation, or null. */
export function wrongIn(spec: Spec, unit: Unit, outside: Outside): string | null {
  return aboutProcesses(unit, outside) ?? aboutDeadlines(spec, unit) ?? aboutWishes(unit);
}

function aboutProcesses(unit: Unit, { main, spawn, prepare, sweep, finish }: Outside): string | null {
  const { phase, process } = unit;
  if ((main !== "none" || spawn !== "none") && !MAY_LIVE.has(phase)) return `a live process while ${phase}`;
  if (prepare && !HOOK_MAY_LIVE.has(phase)) return `pre_start runs while ${phase}`;
  if (sweep && phase !== "cleaning") return `a sweep is under way while ${phase}`;
  if (finish === "running" && phase !== "finishing") return `post_stop runs while ${phase}`;
  if (process !== null && (main === "none" || spawn !== "none")) return `it names a process that is not there while ${phase}`;
  if (process === null && main !== "none" && spawn === "none") return `it does not know its live process while ${phase}`;
  if (phase === "cleaning" && !sweep) return "cleaning, and nobody will answer";
  if (phase === "finishing" && finish === "none") return "finishing, and nobody will answer";
  if (phase === "preparing" && !prepare) return "preparing, and nobody will answer";
  if ((phase === "running" || phase === "reloading") && process === null) return `${phase} without a process`;
  if ((phase === "stopping" || phase === "killing") && main === "none" && spawn === "none" && !prepare)
    return `${phase}, and nothing is left to end`;
  return null;
}

function aboutDeadlines(spec: Spec, { phase, due, want }: Unit): string | null {
  if (due !== null && !Number.isFinite(due.atMs)) return "the deadline is no number";
  if (NEEDS_DUE.has(phase) && due === null) return `${phase} without a deadline`;
  if (phase === "starting" && (due === null) !== (spec.startTimeoutMs === null)) return "starting without its deadline";
  if (phase === "running" && (due !== null) !== (spec.type === "oneshot" && spec.startTimeoutMs !== null))
    return `running with the wrong deadline: ${due?.why ?? "none"}`;
  if (phase === "fatal" && (due !== null) !== (want === "up" && spec.restart.fatalRetryAfterMs !== null))
    return "fatal with the wrong deadline";
  if ((phase === "idle" || phase === "waiting" || phase === "exited" || phase === "failed") && due !== null)
    return `a deadline while ${phase}`;
  return null;
}

function aboutWishes({ phase, want, ending, ledger }: Unit): string | null {
  if (want === "down" && (phase === "waiting" || phase === "backoff")) return `wanted down, and about to start: ${phase}`;
  if (want === "up" && phase === "idle") return "wanted up, and nothing will start it";
  if ((phase === "stopping" || phase === "killing" || phase === "cleaning") && ending === null) return `${phase} for no reason`;
  if (ledger.recentStarts.length > 11) return "the account of starts grows";
  return null;
}

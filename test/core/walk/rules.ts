import type { Phase } from "../../../src/core/unit/phase.ts";
import type { Unit } from "../../../src/core/unit/record.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import type { Outside } from "./situations.ts";

/** Phases that need a deadline because they wait for something other than an operator, a dependency or a process. */
const NEEDS_DUE: ReadonlySet<Phase> = new Set(["preparing", "reloading", "stopping", "killing", "cleaning", "finishing", "backoff"]);
const MAY_LIVE: ReadonlySet<Phase> = new Set(["starting", "running", "reloading", "stopping", "killing"]);
const HOOK_MAY_LIVE: ReadonlySet<Phase> = new Set(["preparing", "stopping", "killing"]);

/** The rule that this situation breaks, or null. */
export function wrongIn(spec: Spec, unit: Unit, outside: Outside): string | null {
  return aboutProcesses(unit, outside) ?? aboutDeadlines(spec, unit) ?? aboutRequests(unit);
}

function aboutProcesses(unit: Unit, { main, spawn, prepare, sweep, finish }: Outside): string | null {
  const { phase, process } = unit;
  if ((main !== "none" || spawn !== "none") && !MAY_LIVE.has(phase)) return `a live process while ${phase}`;
  if (prepare && !HOOK_MAY_LIVE.has(phase)) return `pre_start runs while ${phase}`;
  if (sweep && phase !== "cleaning" && phase !== "finishing") return `a sweep runs while ${phase}`;
  if (finish === "running" && phase !== "finishing") return `post_stop runs while ${phase}`;
  if (process !== null && (main === "none" || spawn !== "none")) return `it has a process that does not exist while ${phase}`;
  if (process === null && main !== "none" && spawn === "none") return `it has no process while its main process is alive in ${phase}`;
  if (phase === "cleaning" && !sweep) return "cleaning without a pending sweep";
  if (phase === "finishing" && finish === "none" && !sweep) return "finishing without pending post_stop commands or sweep";
  if (phase === "preparing" && !prepare) return "preparing without pending pre_start commands";
  if ((phase === "running" || phase === "reloading") && process === null) return `${phase} without a process`;
  if ((phase === "stopping" || phase === "killing") && main === "none" && spawn === "none" && !prepare)
    return `${phase} although no process is left`;
  return null;
}

function aboutDeadlines(spec: Spec, { phase, due, want }: Unit): string | null {
  if (due !== null && !Number.isFinite(due.atMs)) return "the deadline is not a number";
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

function aboutRequests({ phase, want, ending, ledger, testedRestart }: Unit): string | null {
  if (want === "down" && (phase === "waiting" || phase === "backoff")) return `wanted down, and about to start: ${phase}`;
  if (want === "up" && phase === "idle") return "wanted up, and nothing will start it";
  if ((phase === "stopping" || phase === "killing" || phase === "cleaning") && ending === null) return `${phase} without an ending`;
  if (testedRestart !== null && phase !== "running" && phase !== "reloading") return `pre_restart is awaited while ${phase}`;
  if (ledger.recentStarts.length > 11) return "the list of recent starts grows";
  return null;
}

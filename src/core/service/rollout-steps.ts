import { advance, type Rollout, type UnitFact } from "./rollout.ts";

/** Returns what a rollout will do, in order, if every new unit becomes healthy at once. */
export function stepsOf(rollout: Rollout): string[] {
  const facts = new Map<string, UnitFact>();
  const ready = (run: number): UnitFact => ({
    run,
    isWanted: true,
    isReady: true,
    isHealthy: true,
    failure: null,
    isLost: false,
    hasGivenUp: false,
    version: 0,
  });
  for (const { id, isSurge } of rollout.units) if (!isSurge) facts.set(id, ready(1));
  const steps: string[] = [];
  let [now, current] = [rollout.progressMs, rollout];
  while (current.state === "running") {
    const { rollout: next, actions } = advance(current, (id) => facts.get(id) ?? null, now);
    for (const { type, id } of actions) {
      if (type === "remove") facts.delete(id);
      else facts.set(id, ready((facts.get(id)?.run ?? 0) + 1));
      steps.push(WORDS[type](id));
    }
    now += rollout.minHealthyMs; // the new units have been healthy for long enough
    if (next.awaitsPromotion) steps.push("wait for a decision: promote or rollback");
    current = next.awaitsPromotion ? { ...next, state: "running", awaitsPromotion: false, canary: 0 } : next;
  }
  return steps;
}

const WORDS = {
  start: (id: string): string => `start ${id}, an additional unit`,
  replace: (id: string): string => `restart ${id}`,
  remove: (id: string): string => `stop and remove ${id}`,
} as const;

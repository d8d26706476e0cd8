import { SIGNALS } from "../base/signals.ts";
import type { WorldEffect, WorldEvent } from "../core/world.ts";
import type { Unit } from "../core/unit/record.ts";
import { isLive } from "../core/unit/phase.ts";
import type { Parts } from "./compose.ts";
import type { Journal } from "./journal.ts";
import { recallUnit } from "./memory.ts";

export interface Resumed {
  readonly adopted: number;
  /** Units whose fate an earlier daemon of this boot left in the store: they do not start "at boot". */
  readonly decided: ReadonlySet<string>;
}

/**
 * Loads the units, and takes over where a daemon of this boot was cut off: what ran is adopted (pid, start time and boot
 * id agree), what ended meanwhile goes to its policy, what the operator stopped stays stopped. An orderly end leaves no
 * memories; those of an earlier boot are worth nothing.
 */
export function resume(parts: Parts, journal: Journal): Resumed {
  const { world, store, reloader, engine, interpreter, logs, clock } = parts;
  const memories = store.memories(); // before loading writes fresh ones
  reloader.loadAll();
  const decided = new Set<string>();
  const sameBoot = store.get("boot-id") === parts.bootId;
  if (!sameBoot) store.set("boot-id", parts.bootId);
  let adopted = 0;
  for (const { id, memory } of memories) {
    const recalled = sameBoot ? recallUnit(id, memory) : null;
    const entry = world.get(id);
    if (recalled === null || entry === undefined) continue;
    decided.add(id);
    const { unit, check } = recalled;
    engine.handle({
      type: "restore",
      spec: entry.spec,
      unit,
      check: check && { ...check, probing: false, dueMs: unit.process === null ? null : clock.monotonicMs() },
    });
    if (!isLive(unit.phase)) continue;
    logs.open(id, entry.spec.log);
    const outcome = interpreter.adopt(id, unit, entry.spec);
    if (outcome === "adopted") adopted++;
    else for (const effect of leftovers(id, unit)) interpreter.perform(effect);
    for (const event of aftermath(id, unit, outcome)) engine.handle(event);
  }
  if (adopted > 0) journal.info(`adopted ${adopted} running units`);
  return { adopted, decided };
}

/** What ends at once that the dead daemon was about to end: nobody would look after it. The sweep answers by itself. */
function leftovers(id: string, { run, phase }: Unit): WorldEffect[] {
  if (phase === "cleaning") return [{ type: "sweep", id, run, signal: SIGNALS.SIGKILL }];
  return phase === "finishing" ? [{ type: "kill", id, run }] : [];
}

/** What has to be told about a unit whose daemon died while the unit was in this phase. */
function aftermath(id: string, unit: Unit, outcome: "adopted" | "gone"): WorldEvent[] {
  const { run, phase } = unit;
  const fact = (fact: Extract<WorldEvent, { type: "fact" }>["fact"]): WorldEvent => ({ type: "fact", id, fact });
  if (outcome === "adopted") return phase === "reloading" ? [fact({ type: "reloaded", run, failure: "sup was restarted meanwhile" })] : [];
  switch (phase) {
    case "preparing":
      return [fact({ type: "prepared", run, failure: "sup was restarted meanwhile" })];
    case "cleaning":
      return []; // the sweep tells
    case "finishing":
      return [fact({ type: "finished", run, failure: "sup was restarted meanwhile" })];
    default:
      return [fact({ type: "exited", run, exit: { kind: "lost" } })];
  }
}

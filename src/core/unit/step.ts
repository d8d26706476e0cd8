import type { UnitEvent } from "./events.ts";
import type { Outcome, Situation } from "./outcome.ts";
import { table, type Cell } from "./table.ts";

export type StepResult =
  | ({ readonly kind: "moved" } & Outcome)
  /** The event changes nothing. `why` appears only in traces. */
  | { readonly kind: "ignored"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "bug"; readonly why: string };

/** Applies one event to one unit. Ignores facts of other runs, and deadlines that the unit no longer has. */
export function step(situation: Situation, event: UnitEvent): StepResult {
  const { unit, env } = situation;
  if ("run" in event && event.run !== unit.run)
    return { kind: "ignored", why: `concerns run ${event.run}, the current run is ${unit.run}` };
  if (event.type === "due" && !(unit.due?.why === event.why && unit.due.atMs <= env.nowMs))
    return { kind: "ignored", why: "no longer due" };
  const cell = table[unit.phase][event.type] as Cell<UnitEvent>;
  switch (cell.kind) {
    case "move":
      return { kind: "moved", ...cell.move(situation, event) };
    case "ignore":
      return { kind: "ignored", why: cell.why };
    case "refuse":
      return { kind: "refused", why: cell.why };
    case "impossible":
      return { kind: "bug", why: `${event.type} while ${unit.phase}: ${cell.why}` };
  }
}

import { EVENT_TYPES } from "./events.ts";
import { PHASES, stateOf } from "./phase.ts";
import { table } from "./table.ts";

/** Prints the table of the unit state machine. For each phase it lists the events and the phases that each event leads to. */
export function machineDiagram(): string {
  const lines: string[] = [];
  for (const phase of PHASES) {
    lines.push(`${phase} (${stateOf({ phase, want: "up" })})`);
    const moves = new Map<string, string[]>();
    for (const type of EVENT_TYPES) {
      const cell = table[phase][type];
      if (cell.kind !== "move") continue;
      const target = cell.to.replace("=", phase).split(" ").join(" | ");
      moves.set(target, [...(moves.get(target) ?? []), type]);
    }
    for (const [target, types] of moves) lines.push(`  ${types.join(", ")} → ${target}`);
  }
  return lines.join("\n");
}

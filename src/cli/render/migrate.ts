import type { Imported } from "../../convert/import/types.ts";
import type { Step } from "../migrate/plan.ts";
import type { StepResult } from "../migrate/move.ts";
import type { Colour, Paint } from "./paint.ts";
import { safe } from "./safe.ts";

const DECISIONS: Readonly<Record<Step["decision"], readonly [word: string, colour: Colour]>> = {
  move: ["move", "green"],
  import: ["only import", "yellow"],
  done: ["nothing to do", "dim"],
  blocked: ["cannot move", "red"],
};

/** Describes what a migration will do, with the fields of each program that need a hand. */
export function describePlan(steps: readonly Step[], imported: Imported, paint: Paint): string[] {
  const lines: string[] = [];
  for (const { name, decision, why, whatToDo, targets } of steps) {
    const [word, colour] = DECISIONS[decision];
    const units = targets.map(({ unit }) => unit.name);
    const into = decision === "blocked" || units.length === 0 ? "" : ` → ${units.join(", ")}`;
    lines.push(`${paint("bold", safe(name))}${safe(into)}  ${paint(colour, word)}: ${safe(why)}`);
    if (whatToDo !== null) lines.push(safe(`  → ${whatToDo}`));
    if (decision !== "move" && decision !== "import") continue;
    for (const { unit, field, outcome, how, whatToDo: hint } of imported.report)
      if (unit !== null && units.includes(unit) && outcome !== "carried") {
        const what = outcome === "dropped" ? paint("red", "not carried over") : paint("yellow", "approximated");
        lines.push(`  ${what}: ${safe(`${field}: ${how}${hint === null ? "" : ` → ${hint}`}`)}`);
      }
  }
  for (const { where, message, hint } of imported.problems)
    lines.push(paint("red", safe(`${where}: ${message}`)), ...(hint === null ? [] : [safe(`  hint: ${hint}`)]));
  return lines;
}

const RESULTS: Readonly<Record<StepResult["result"], readonly [word: string, colour: Colour]>> = {
  moved: ["moved", "green"],
  imported: ["imported", "yellow"],
  unchanged: ["not moved", "red"],
  "put-back": ["put back", "red"],
  failed: ["failed", "red"],
};

export function describeResult(name: string, { result, message }: StepResult, paint: Paint): string {
  const [word, colour] = RESULTS[result];
  return `${paint("bold", safe(name))}  ${paint(colour, word)}: ${safe(message)}`;
}

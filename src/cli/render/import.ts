import type { Imported, Outcome, ReportEntry } from "../../convert/import/types.ts";
import type { UnitTarget } from "../files/write-units.ts";
import type { Colour, Paint } from "./paint.ts";
import { safe } from "./safe.ts";

/** Describes an import: problems first, then per unit what was not carried over, approximated, and carried over. */
export function describeImport(imported: Imported, targets: readonly Shown[], paint: Paint): string[] {
  const lines: string[] = [];
  for (const { where, message, hint } of imported.problems) {
    lines.push(paint("red", safe(`${where}: ${message}`)));
    if (hint !== null) lines.push(safe(`  hint: ${hint}`));
  }
  lines.push(
    ...section(
      null,
      imported.report.filter(({ unit }) => unit === null),
      paint,
    ),
  );
  for (const { unit, file, secretsFile } of targets) {
    if (lines.length > 0) lines.push("");
    lines.push(safe(`${paint("bold", unit.name)}  ${unit.origin}${file === null ? "" : ` → ${file}`}`));
    for (const note of unit.notes) lines.push(paint("yellow", safe(`  note: ${note}`)));
    if (secretsFile !== null) lines.push(safe(`  secrets: ${Object.keys(unit.secrets).join(", ")} are in ${secretsFile}`));
    lines.push(
      ...section(
        unit.name,
        imported.report.filter((entry) => entry.unit === unit.name),
        paint,
      ),
    );
  }
  if (targets.length > 0) lines.push("", `${targets.length} ${targets.length === 1 ? "unit" : "units"}, all accepted by \`sup verify\`.`);
  return lines;
}

/** A unit with the files that it goes to; null if it is only printed. */
type Shown = Omit<UnitTarget, "file"> & { readonly file: string | null };

const TITLES: Readonly<Record<Outcome, readonly [title: string, colour: Colour]>> = {
  dropped: ["not carried over", "red"],
  approximated: ["approximated", "yellow"],
  carried: ["carried over", "green"],
};

/** Describes report entries, those that need a hand first. */
export function section(unit: string | null, entries: readonly ReportEntry[], paint: Paint): string[] {
  const lines: string[] = [];
  for (const outcome of ["dropped", "approximated", "carried"] as const) {
    const some = entries.filter((entry) => entry.outcome === outcome);
    if (some.length === 0) continue;
    const [title, colour] = TITLES[outcome];
    lines.push(`${unit === null ? "" : "  "}${paint(colour, title)}`);
    if (outcome === "carried") lines.push(safe(`    ${[...new Set(some.map(({ field }) => field))].join(", ")}`));
    else for (const entry of some) lines.push(...describeEntry(entry));
  }
  return lines;
}

function describeEntry({ field, how, whatToDo, where }: ReportEntry): string[] {
  const line = safe(`    ${field} (${where}): ${how}`);
  return whatToDo === null ? [line] : [line, safe(`      → ${whatToDo}`)];
}

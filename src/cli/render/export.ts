import type { Exported } from "../../convert/export/types.ts";
import { section } from "./import.ts";
import type { Paint } from "./paint.ts";
import { safe } from "./safe.ts";

/** Describes an export: problems first, then per unit what was not carried over, approximated, and carried over; then what to do. */
export function describeExport({ problems, report, steps }: Exported, paint: Paint): string[] {
  const lines: string[] = [];
  for (const { where, message, hint } of problems) {
    lines.push(paint("red", safe(`${where}: ${message}`)));
    if (hint !== null) lines.push(safe(`  hint: ${hint}`));
  }
  for (const unit of new Set(report.map((entry) => entry.unit))) {
    if (lines.length > 0) lines.push("");
    lines.push(paint("bold", safe(unit ?? "")));
    lines.push(
      ...section(
        unit,
        report.filter((entry) => entry.unit === unit),
        paint,
      ),
    );
  }
  if (steps.length > 0) lines.push("", "To use the files:", ...steps.map((step, index) => safe(`  ${index + 1}. ${step}`)));
  return lines;
}

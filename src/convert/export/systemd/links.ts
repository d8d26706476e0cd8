import type { DependencySpec } from "../../../spec/spec.ts";
import type { ExportDraft } from "../draft.ts";
import type { ExportInput } from "../types.ts";
import type { Line } from "./context.ts";

/** Writes the dependencies as lines of `[Unit]`. */
export function exportLinks(draft: ExportDraft, { units, services, types }: ExportInput): Line[] {
  const exported = new Set(units.map(({ spec }) => spec.id));
  const lines: Line[] = [];
  for (const dependency of draft.spec.dependencies) {
    const name = unitName(dependency.unit, services);
    const type = types.get(dependency.unit) ?? "simple";
    const condition = dependency.condition ?? (type === "oneshot" ? "succeeded" : "ready");
    const needs = dependency.required && condition !== "completed";
    if (needs) lines.push(["Requires", name]);
    else if (dependency.required) lines.push(["Wants", name]);
    if (dependency.restart) lines.push(["PartOf", name]);
    lines.push(["After", name]);
    const notes = notesOn(dependency, condition, type, needs, name);
    const whatToDo = exported.has(dependency.unit) ? null : `export ${dependency.unit} as well, unless ${name} exists`;
    if (notes.length > 0 || whatToDo !== null)
      draft.approximated("dependencies", `${name}: ${notes.join("; ") || "it is not among the exported units"}`, whatToDo);
    else draft.carried("dependencies", `After for ${name}`);
  }
  return lines;
}

export const unitName = (unit: string, services: ReadonlySet<string>): string => `${unit}${services.has(unit) ? ".target" : ".service"}`;

function notesOn(dependency: DependencySpec, condition: string, type: string, needs: boolean, name: string): string[] {
  const notes: string[] = [];
  if (needs) notes.push(`Requires: when ${name} is stopped, systemd stops this unit, too`);
  if (condition === "started" && type === "notify") notes.push("After: systemd waits until the unit is ready");
  if (condition === "completed" && type !== "oneshot") notes.push("After: systemd waits for the start only");
  if (dependency.quorum !== null) notes.push("systemd waits for all instances");
  return notes;
}

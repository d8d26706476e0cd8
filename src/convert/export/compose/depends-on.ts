import type { Spec } from "../../../spec/spec.ts";
import type { ExportDraft } from "../draft.ts";
import { serviceName } from "./literal.ts";

/** Returns `depends_on`. A compose file can only name services that are in it. */
export function exportDependencies(draft: ExportDraft, specs: ReadonlyMap<string, Spec>): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const { unit, condition, required, restart, quorum } of draft.spec.dependencies) {
    const other = specs.get(unit);
    if (other === undefined) {
      draft.dropped("dependencies", `${unit} is not in the compose file`, `export ${unit} together with this unit`);
      continue;
    }
    const isOneshot = other.type === "oneshot";
    const wanted = condition ?? (isOneshot ? "succeeded" : "ready");
    const hasHealth = other.check !== null && other.check.probe.type !== "process";
    const isCompleted = wanted === "succeeded" || wanted === "completed";
    const name = isCompleted ? "service_completed_successfully" : wanted === "ready" && hasHealth ? "service_healthy" : "service_started";
    found[serviceName(unit)] = { condition: name, ...(!required && { required: false }), ...(restart && { restart: true }) };
    const notes = [
      ...(wanted === "completed" ? [`the service must succeed; "completed" has no counterpart`] : []),
      ...(wanted === "ready" && !hasHealth && other.type === "notify" ? ["compose does not wait for READY=1"] : []),
      ...(quorum === null ? [] : ["compose waits for all containers"]),
    ];
    if (notes.length > 0) draft.approximated("dependencies", `depends_on ${unit}: ${notes.join("; ")}`);
    else draft.carried("dependencies", `depends_on ${unit}: ${name}`);
  }
  return Object.keys(found).length === 0 ? {} : { depends_on: found };
}

import { findCycle } from "../../base/graph.ts";
import { closest, instanceOf, isTemplate, isUnitId } from "../../base/names.ts";
import type { Draft } from "../parse/draft.ts";
import { type Problem, problemAt } from "../parse/problems.ts";
import { nearest } from "../parse/tree.ts";

/** How units stand to each other: dependencies that are there, and no cycles. */

/** Dependencies of one unit that cannot be. `known`: every id of the snapshot, also of files that are bad themselves. */
export function checkNames({ spec, root }: Draft, known: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = [];
  for (const [index, { unit, required }] of spec.dependencies.entries()) {
    const say = (message: string, hint: string | null, severity: Problem["severity"] = "error"): void => {
      const path = ["dependencies", index];
      problems.push(problemAt(nearest(root, path), { severity, path, value: unit, message, hint }));
    };
    const template = instanceOf(unit)?.template;
    if (unit === spec.id) say("the unit depends on itself", "remove it");
    else if (isTemplate(unit)) say(`"${unit}" is a template, which never runs itself`, `name an instance of it, such as "${unit}1"`);
    else if (!isUnitId(unit)) say(`"${unit}" is not the name of a unit`, unit.includes("%") ? "specifiers are not filled in here" : null);
    else if (!known.has(unit) && !(template && known.has(template))) {
      const guess = closest(unit, known);
      const hint =
        guess === undefined
          ? 'make its file, or remove it; "required": false waits for it only when it is there'
          : `did you mean "${guess}"?`;
      if (required) say(`there is no unit "${unit}"`, hint);
      else say(`there is no unit "${unit}": nothing to wait for`, guess === undefined ? null : hint, "warning");
    }
  }
  return problems;
}

/** One problem for each unit of each cycle, at the dependency that leads on. */
export function findCycles(drafts: ReadonlyMap<string, Draft>): Map<string, Problem> {
  const edges = new Map<string, string[]>();
  for (const [id, { spec }] of drafts) {
    if (!isTemplate(id))
      edges.set(
        id,
        spec.dependencies.map(({ unit }) => unit).filter((unit) => unit !== id && drafts.has(unit)),
      );
  }
  const problems = new Map<string, Problem>();
  for (let cycle = findCycle(edges); cycle; cycle = findCycle(edges)) {
    const ring = fromSmallest(cycle.slice(0, -1));
    const path = [...ring, ring[0]!].join(" → ");
    for (const [at, id] of ring.entries()) {
      problems.set(id, cycleProblem(drafts.get(id)!, ring[(at + 1) % ring.length]!, path));
      edges.delete(id);
    }
  }
  return problems;
}

/** The same cycle reads the same wherever it was entered. */
function fromSmallest(ring: readonly string[]): string[] {
  const start = ring.indexOf([...ring].sort()[0]!);
  return [...ring.slice(start), ...ring.slice(0, start)];
}

function cycleProblem({ spec, root }: Draft, next: string, cycle: string): Problem {
  const path = ["dependencies", spec.dependencies.findIndex(({ unit }) => unit === next)];
  return problemAt(nearest(root, path), {
    path,
    value: next,
    message: `dependency cycle: ${cycle}`,
    hint: "remove one of these dependencies",
  });
}

/** Conditions that the other unit's type can hardly ever meet. */
export function checkConditions({ spec, root }: Draft, drafts: ReadonlyMap<string, Draft>): Problem[] {
  const problems: Problem[] = [];
  for (const [index, { unit, condition }] of spec.dependencies.entries()) {
    const type = drafts.get(unit)?.spec.type;
    if (type === undefined || type === "oneshot" || (condition !== "completed" && condition !== "succeeded")) continue;
    const path = ["dependencies", index, "condition"];
    const message = `waits until "${unit}" has ended, but it is of the type "${type}" and meant to run on`;
    problems.push(
      problemAt(nearest(root, path), { severity: "warning", path, value: condition, message, hint: '"ready" waits until it works' }),
    );
  }
  return problems;
}

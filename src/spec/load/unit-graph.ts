import { findCycle } from "../../base/graph.ts";
import { closest, instanceOf, isTemplate, isUnitId, MAX_UNITS, numberedUnit } from "../../base/names.ts";
import type { Draft, Links } from "../parse/draft.ts";
import { type Problem, problemAt } from "../parse/problems.ts";
import type { Spec } from "../spec.ts";
import { nearest, type Path } from "../parse/tree.ts";

/** Checks dependencies between units: they must exist, it must be possible to meet them, and they must not form cycles. */

export interface KnownUnits {
  /** Every id in the snapshot, including masked units and units whose files have errors. */
  readonly ids: ReadonlySet<string>;
  readonly masked: ReadonlyMap<string, string>;
  /** Names of the services with `instances`. */
  readonly services: ReadonlySet<string>;
}

/** Returns the problems with the dependencies of one unit, other than cycles. */
export function checkNames({ id, dependencies, root }: Links, { ids: known, masked, services }: KnownUnits): Problem[] {
  const problems: Problem[] = [];
  for (const [index, { unit, required, quorum }] of dependencies.entries()) {
    const path = ["dependencies", index];
    const report = (message: string, hint: string | null, severity: Problem["severity"] = "error"): void => {
      problems.push(problemAt(nearest(root(), path), { severity, path, value: unit, message, hint }));
    };
    const template = instanceOf(unit)?.template;
    const numbered = numberedUnit(unit);
    const service = numbered !== null && services.has(numbered.service) ? numbered.service : null;
    if (unit === id || service === id) report("the unit depends on itself", "remove this dependency");
    else if (isTemplate(unit))
      report(`"${unit}" is a template, which never runs itself`, `depend on an instance of it, such as "${unit}1"`);
    else if (!isUnitId(unit))
      report(`"${unit}" is not a valid unit name`, unit.includes("%") ? "specifiers are not expanded in dependencies" : null);
    else if (!known.has(unit) && !(template && known.has(template)) && service === null) {
      const guess = closest(
        unit,
        [...known].filter((id) => isUnitId(id)),
      );
      const hint =
        guess === undefined
          ? 'create its file, or remove the dependency; with "required": false a missing unit is ignored'
          : `did you mean "${guess}"?`;
      if (required) report(`there is no unit "${unit}"`, hint);
      else report(`there is no unit "${unit}", so the dependency has no effect`, guess === undefined ? null : hint, "warning");
    } else if (required && (masked.has(unit) || (!known.has(unit) && template && masked.has(template)))) {
      report(`"${unit}" is masked, so this unit cannot start`, `\`sup unmask ${unit}\``, "warning");
    } else {
      // `sup scale` can give a service more units than its file says, so only the largest possible number is compared.
      const most = services.has(unit) ? MAX_UNITS : 1;
      if (quorum !== null && quorum > most) problems.push(impossibleQuorum(unit, quorum, most, root, [...path, "quorum"]));
    }
  }
  return problems;
}

const impossibleQuorum = (unit: string, quorum: number, most: number, root: Links["root"], path: Path): Problem =>
  problemAt(nearest(root(), path), {
    path,
    value: quorum,
    message: `the quorum of ${quorum} can never be met: "${unit}" ${most === 1 ? "is 1 unit" : `has at most ${most} units`}`,
    hint: `write "quorum": ${most}, or omit it to wait for all units of "${unit}"`,
  });

/** Finds all cycles of dependencies. Returns one problem for each unit of a cycle, at the dependency that is part of the cycle. */
export function findCycles(drafts: ReadonlyMap<string, Draft>): Map<string, Problem> {
  const edges = new Map<string, string[]>();
  for (const [id, { spec }] of drafts) {
    if (!isTemplate(id))
      edges.set(
        id,
        spec.dependencies.flatMap(({ unit }) => declaredBy(unit, drafts) ?? []).filter((unit) => unit !== id),
      );
  }
  const problems = new Map<string, Problem>();
  for (let cycle = findCycle(edges); cycle; cycle = findCycle(edges)) {
    const ring = fromSmallest(cycle.slice(0, -1));
    const path = [...ring, ring[0]!].join(" → ");
    for (const [at, id] of ring.entries()) {
      problems.set(id, cycleProblem(drafts, id, ring[(at + 1) % ring.length]!, path));
      edges.delete(id);
    }
  }
  return problems;
}

/** Returns the unit whose file declares `name`: for a unit of a service, this is the service. Undefined if there is no such file. */
function declaredBy(name: string, drafts: ReadonlyMap<string, Draft>): string | undefined {
  if (drafts.has(name)) return name;
  const service = numberedUnit(name)?.service;
  return service !== undefined && drafts.get(service)?.spec.instances != null ? service : undefined;
}

/** Rotates a cycle so that it starts at its smallest id. The same cycle is then always described in the same way. */
function fromSmallest(ring: readonly string[]): string[] {
  const start = ring.indexOf([...ring].sort()[0]!);
  return [...ring.slice(start), ...ring.slice(0, start)];
}

function cycleProblem(drafts: ReadonlyMap<string, Draft>, id: string, next: string, cycle: string): Problem {
  const { spec, root } = drafts.get(id)!;
  const path = ["dependencies", spec.dependencies.findIndex(({ unit }) => declaredBy(unit, drafts) === next)];
  return problemAt(nearest(root(), path), {
    path,
    value: next,
    message: `dependency cycle: ${cycle}`,
    hint: "remove one of these dependencies",
  });
}

/** Returns warnings about conditions that units of the dependency's type rarely meet. */
export function checkConditions({ spec, root }: Draft, drafts: ReadonlyMap<string, Draft>): Problem[] {
  const problems: Problem[] = [];
  for (const [index, { unit, condition }] of spec.dependencies.entries()) {
    const type = drafts.get(declaredBy(unit, drafts) ?? unit)?.spec.type;
    if (type === undefined || type === "oneshot" || (condition !== "completed" && condition !== "succeeded")) continue;
    const path = ["dependencies", index, "condition"];
    const message = `waits until "${unit}" has ended, but a unit of type "${type}" is meant to keep running`;
    problems.push(
      problemAt(nearest(root(), path), {
        severity: "warning",
        path,
        value: condition,
        message,
        hint: 'use "ready" to wait until it works',
      }),
    );
  }
  return problems;
}

/**
 * Returns warnings about enabled units that would listen on the same port or address. Templates are checked as well, because
 * their instances share the port.
 */
export function checkAddresses(drafts: ReadonlyMap<string, Draft>): Map<string, Problem[]> {
  const users = new Map<string, Use[]>();
  for (const { spec, root } of drafts.values()) {
    if (!spec.enabled) continue;
    const uses: Array<[string, Path]> = portsOf(spec).map((port) => [`port ${port}`, ["port"]]);
    for (const [index, { listen, reusePort }] of spec.sockets.entries()) if (!reusePort) uses.push([listen, ["sockets", index, "listen"]]);
    for (const [address, path] of uses) users.set(address, [...(users.get(address) ?? []), { id: spec.id, root, path }]);
  }
  const problems = new Map<string, Problem[]>();
  for (const [address, uses] of users) {
    for (const { id, root, path } of uses) {
      const others = uses.filter((use) => use.id !== id).map((use) => `"${use.id}"`);
      const known = problems.get(id) ?? [];
      // Two ranges of ports may have many ports in common. It is enough to report the first one.
      const isKnown =
        others.length === 0 || known.some((one) => one.message.startsWith(`${others.join(", ")} `) && one.key === path.join("."));
      if (isKnown) continue;
      const message = `${others.join(", ")} ${others.length === 1 ? "is" : "are"} enabled too and ${others.length === 1 ? "has" : "have"} the same address: ${address}`;
      const hint = "change one of them, or disable all units but one";
      problems.set(id, [...known, problemAt(nearest(root(), path), { severity: "warning", path, message, hint })]);
    }
  }
  return problems;
}

/** Returns the ports of a unit, or of all units of a service. A service with `sockets` has one port for all of its units. */
export const portsOf = ({ port, sockets, instances, scaling }: Spec): number[] => {
  if (port === null) return [];
  return Array.from({ length: sockets.length > 0 ? 1 : (scaling?.max ?? instances ?? 1) }, (_, index) => port + index);
};

interface Use {
  readonly id: string;
  readonly root: Draft["root"];
  readonly path: Path;
}

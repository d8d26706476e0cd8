import { isTemplate, isUnitId, numberedUnit, MAX_UNITS } from "../../base/names.ts";
import type { Draft } from "../parse/draft.ts";
import { type Problem, problemAt } from "../parse/problems.ts";
import { nearest } from "../parse/tree.ts";
import type { Spec } from "../spec.ts";
import type { Loaded } from "./loaded.ts";
import { specOfUnit } from "./to-spec.ts";

/** Services with `instances`: one file that declares the units `web@1`, `web@2` and so on. */

/** Creates the units of a service, by default as many as its file says. */
export const unitsOf = (service: Loaded, scale?: number): Loaded[] =>
  Array.from({ length: scale ?? service.spec.instances ?? 1 }, (_, index) => unitOf(service, index + 1));

/** Creates one unit of a service. The units share the service's files and their sources. */
function unitOf(service: Loaded, number: number): Loaded {
  const spec = specOfUnit(service.spec, number);
  const { name, port } = spec;
  return {
    spec,
    effective: { ...service.effective, name, ...(port !== null && { port }) },
    files: service.files,
    warnings: [], // those of the service, once
    get sources() {
      return service.sources;
    },
  };
}

/** Returns the unit `web@2` of the service `web`, or undefined if no file declares such a service. */
export function findUnit(id: string, services: ReadonlyMap<string, Loaded>): Loaded | undefined {
  const numbered = numberedUnit(id);
  const service = numbered === null ? undefined : services.get(numbered.service);
  return service === undefined || !isUnitId(id) ? undefined : unitOf(service, numbered!.number);
}

/**
 * Creates a unit that runs in addition to a plain unit while a rolling restart replaces it. It has a number like the units of a
 * service with `instances`. Returns undefined if no plain unit in `units` with `rolling` belongs to the id.
 */
export function findSurge(id: string, units: ReadonlyMap<string, Loaded>): Loaded | undefined {
  const numbered = numberedUnit(id);
  const plain = numbered === null ? undefined : units.get(numbered.service);
  if (plain === undefined || !isPlainRolling(plain.spec)) return undefined;
  return { ...unitOf(plain, numbered!.number), sources: plain.sources };
}

export const isPlainRolling = ({ instance, instances, rolling }: Pick<Spec, "instance" | "instances" | "rolling">): boolean =>
  rolling !== null && instance === null && instances === null;

/**
 * Returns the problem of a service whose units cannot have their ids, because they belong to others or have a second number, or
 * null. `key` is the key for which the service has several units.
 */
export function checkUnitNames(id: string, { root }: Draft, known: ReadonlySet<string>, key: "instances" | "rolling"): Problem | null {
  const path = [key];
  if (id.includes("@")) {
    const what = isTemplate(id) ? "a template" : "an instance of a template";
    const more = key === "instances" ? `: \`sup start ${id.slice(0, id.indexOf("@"))}@NAME\` starts one more` : "";
    return problemAt(nearest(root(), path), { path, message: `${what} cannot have "${key}"${more}`, hint: "remove it" });
  }
  const template = `${id}@`;
  const clash = known.has(template) ? template : [...known].find((name) => numberedUnit(name)?.service === id);
  if (clash === undefined) return null;
  const message =
    clash === template
      ? `the instances of the template "${template}" would have the same ids as the units of this service`
      : `there is a unit file for "${clash}", which is the id of a unit of this service`;
  const hint = `rename one of the two files, or remove "${key}" (1 to ${MAX_UNITS} units have the ids ${id}@1 to ${id}@${MAX_UNITS})`;
  return problemAt(nearest(root(), path), { path, message, hint });
}

import { closest } from "../../base/names.ts";
import { parse } from "../../spec/parse/parse.ts";
import { asText, isMap } from "./data.ts";
import { Source, toValue } from "../../spec/parse/tree.ts";
import { unitKeys } from "../../spec/parse/draft.ts";
import { synonymOf } from "../../spec/parse/synonyms.ts";
import { isSupported, type ImportDraft, type UnitDraft } from "./draft.ts";

/** Imports the older format, one JSON file with all services: `{"services": {"web": {…}}}`. Each service has the keys of a unit file. */
export function importServices(draft: ImportDraft, path: string, text: string): void {
  const source = new Source(path, text);
  const parsed = parse(source);
  if (!parsed.ok) {
    for (const { offset, message, hint } of parsed.error) draft.refuse(`${path}:${source.position(offset).line}`, message, hint);
    return;
  }
  const root = toValue(parsed.value);
  const services = isMap(root) ? root.services : null;
  if (!isMap(root) || (!isMap(services) && !Array.isArray(services))) return draft.refuse(path, 'the file has no object "services"');
  for (const key of Object.keys(root))
    if (key !== "services" && key !== "$schema") draft.drop(key, path, "it belongs to no service", "see `sup help settings`");
  const named = Array.isArray(services)
    ? services.map((each) => [(isMap(each) ? (asText(each.id) ?? asText(each.name)) : null) ?? "service", each] as const)
    : Object.entries(services as object);
  for (const [name, value] of named) {
    if (isMap(value)) importService(draft.unit(name, name, `${path} (${name})`), value, path);
    else draft.refuse(path, `cannot import ${JSON.stringify(name)}: it is not an object`);
  }
}

function importService(unit: UnitDraft, given: Readonly<Record<string, unknown>>, where: string): void {
  for (const [key, value] of Object.entries(given)) {
    if (key === "id" || value === null) unit.carried(key, key === "id" ? "the name of the unit file" : "null means the default", where);
    else if (key === "environment" || key === "env") environment(unit, key, value, where);
    else if (key === "dependencies" || key === "depends_on") dependencies(unit, key, value, where);
    else if (isSupported(key)) unit.carry(key, key, value, where);
    else if (unitKeys().has(key)) unit.carryIfSupported(key, key, value, where, "remove it, or wait for a version that has it");
    else unknown(unit, key, value, where);
  }
}

function environment(unit: UnitDraft, key: string, value: unknown, where: string): void {
  const pairs = Array.isArray(value)
    ? value.map((each) => asText(each) ?? "").map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)] as const)
    : isMap(value)
      ? Object.entries(value)
      : null;
  if (pairs === null) return unit.drop(key, where, "the value is not an object");
  // The strings are already in sup's own syntax, with specifiers and variables.
  for (const [name, given] of pairs) {
    const text = asText(given);
    if (text !== null) unit.environment.set(name, text);
  }
  unit.carried(key, "environment", where);
}

function dependencies(unit: UnitDraft, key: string, value: unknown, where: string): void {
  const list = Array.isArray(value) ? value : isMap(value) ? Object.keys(value) : [value];
  for (const each of list) {
    if (isMap(each) && typeof each.unit === "string") {
      const { unit: on, ...options } = each;
      unit.depend(on as string, options, key, where);
    } else if (typeof each === "string") unit.depend(each, {}, key, where);
    else unit.drop(key, where, "an item is not the name of a service");
  }
}

/** Reports a key that unit files do not have. It may be a key of another supervisor. */
function unknown(unit: UnitDraft, key: string, value: unknown, where: string): void {
  const synonym = synonymOf(key, "");
  if (synonym !== undefined && isSupported(synonym) && !Object.hasOwn(unit.json, synonym))
    unit.approximate(key, synonym, value, where, "another name of this key");
  else {
    const near = closest(key, unitKeys().keys());
    unit.drop(key, where, `a unit file has no such key${near === undefined ? "" : `; did you mean ${near}?`}`, "see `sup help unit`");
  }
}

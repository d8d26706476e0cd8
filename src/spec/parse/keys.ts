import type { z } from "zod";
import { type Applies, meta } from "../schema/meta.ts";
import type { Path } from "./tree.ts";

/**
 * One key of a schema as data. It is used to suggest corrections ("did you mean"), to compare two versions of a unit, and to
 * generate the reference.
 */
export interface KeyInfo {
  readonly name: string;
  /** Dotted path without list indexes, for example `restart_policy.max_retries`. */
  readonly path: string;
  readonly description: string;
  readonly applies: Applies;
  /** Description of the type, for example `boolean` or `list of strings`. */
  readonly type: string;
  /** The default value, or undefined if there is none. */
  readonly default: unknown;
  readonly required: boolean;
  /** For a key in an object that has several types (`health_check`): the types that have this key. Empty if all types have it. */
  readonly types: readonly string[];
  /** True for an object whose keys the user chooses (`environment`). */
  readonly map: boolean;
  /** Returns the keys inside this object, or inside each item of this list. */
  children(): ReadonlyMap<string, KeyInfo>;
}

type Schema = z.core.$ZodType;

/** Returns the keys of an object schema. */
export function keysOf(schema: Schema, prefix = "", inherited: Applies = "restart"): ReadonlyMap<string, KeyInfo> {
  const keys = new Map<string, KeyInfo>();
  const shapes = objectShapes(schema);
  for (const { type, shape } of shapes) {
    for (const [name, value] of Object.entries(shape)) {
      const known = keys.get(name);
      const types = shapes.length > 1 && type !== undefined ? [...(known?.types ?? []), type] : [];
      const info = keyInfo(name, value, prefix, inherited, types);
      // The key that selects the type of an object has a different literal in each shape.
      const words = known && known.type !== info.type ? `${known.type} | ${info.type}` : info.type;
      keys.set(name, { ...(known ?? info), types, type: words });
    }
  }
  for (const [name, info] of keys) if (info.types.length === shapes.length) keys.set(name, { ...info, types: [] });
  return keys;
}

/** Returns the key at a path, or undefined if the schema has no such key. List indexes in the path are ignored. */
export function keyInfoAt(keys: ReadonlyMap<string, KeyInfo>, path: Path): KeyInfo | undefined {
  let level = keys;
  let info: KeyInfo | undefined;
  for (const step of path) {
    if (typeof step === "number") continue;
    if (info?.map) return info;
    info = level.get(step);
    if (!info) return undefined;
    level = info.children();
  }
  return info;
}

function keyInfo(name: string, schema: Schema, prefix: string, inherited: Applies, types: readonly string[]): KeyInfo {
  const { core, required, fallback } = unwrap(schema);
  const noted = meta.get(schema as z.ZodType);
  const path = prefix === "" ? name : `${prefix}.${name}`;
  const applies = noted?.applies ?? inherited;
  let children: ReadonlyMap<string, KeyInfo> | undefined;
  return {
    name,
    path,
    description: noted?.description ?? "",
    applies,
    type: typeWords(core),
    default: noted?.default ?? fallback,
    required,
    types,
    map: definition(core).type === "record",
    children: () => (children ??= keysOf(core, path, applies)),
  };
}

interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly defaultValue?: unknown;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly options?: readonly Schema[];
  readonly discriminator?: string;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly entries?: Readonly<Record<string, string>>;
  readonly values?: readonly unknown[];
  readonly getter?: () => Schema;
  readonly format?: string;
}

const definition = (schema: Schema): Definition => schema._zod.def as unknown as Definition;

/** Removes the wrappers around a schema (optional, default, lazy), and returns what they say about the key. */
function unwrap(schema: Schema): { core: Schema; required: boolean; fallback: unknown } {
  let core = schema;
  let required = true;
  let fallback: unknown;
  for (;;) {
    const { type, innerType, getter, defaultValue } = definition(core);
    if (type === "lazy") core = getter!();
    else if (innerType === undefined) return { core, required, fallback };
    else {
      required = false;
      if (type === "default" || type === "prefault") fallback ??= defaultValue;
      core = innerType;
    }
  }
}

/**
 * Returns the shapes inside a schema. An object has its own shape. A union has the shapes of all its objects, each with the type that
 * selects it. A list has the shape of its items.
 */
function objectShapes(schema: Schema): Array<{ readonly type?: string; readonly shape: Readonly<Record<string, Schema>> }> {
  const { type, shape, options, element, discriminator } = definition(unwrap(schema).core);
  if (type === "array") return objectShapes(element!);
  if (type !== "union") return shape ? [{ shape }] : [];
  return options!.flatMap(objectShapes).map((found) => {
    const selector = discriminator === undefined ? undefined : found.shape[discriminator];
    return selector ? { ...found, type: String(definition(selector).values![0]) } : found;
  });
}

function typeWords(schema: Schema): string {
  const def = definition(unwrap(schema).core);
  switch (def.type) {
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    case "number":
      return def.format === "safeint" ? "integer" : "number";
    case "enum":
      return Object.values(def.entries!)
        .map((entry) => `\`${entry}\``)
        .join(" | ");
    case "literal":
      return def.values!.map((value) => `\`${String(value)}\``).join(" | ");
    case "array":
      return `list of ${plural(typeWords(def.element!))}`;
    case "record":
      return `map of ${plural(typeWords(def.valueType!))}`;
    case "union":
      return [...new Set(def.options!.map(typeWords))].join(" or ");
    default:
      return "object";
  }
}

const plural = (words: string): string =>
  words
    .split(" or ")
    .map((word) => `${word}s`)
    .join(" or ");

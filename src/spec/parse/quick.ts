import type { z } from "zod";

/**
 * A zod schema as one plain function that gives the parsed value, or `NO`. It knows the few kinds of schema that unit
 * files use and says nothing about what is wrong: for that, zod is asked. Reading hundreds of files at the start of the
 * daemon, when nothing is compiled yet, takes a third of the time by it. A test holds the two against each other.
 */
export type Quick = (value: unknown) => unknown;

export const NO: unique symbol = Symbol("not valid");

type Schema = z.core.$ZodType;

interface Definition {
  readonly type: string;
  readonly checks?: readonly { readonly _zod: { readonly def: CheckDefinition } }[];
  readonly format?: string;
  readonly innerType: Schema;
  readonly defaultValue: unknown;
  readonly element: Schema;
  readonly keyType: Schema;
  readonly valueType: Schema;
  readonly catchall?: Schema;
  readonly shape: Readonly<Record<string, Schema>>;
  readonly entries: Readonly<Record<string, string>>;
  readonly values: readonly unknown[];
  readonly options: readonly Schema[];
  readonly discriminator?: string;
  readonly getter: () => Schema;
}

interface CheckDefinition {
  readonly check: string;
  readonly value: number;
  readonly inclusive: boolean;
  readonly minimum: number;
  readonly maximum: number;
  readonly pattern?: RegExp;
  readonly fn: (value: unknown) => unknown;
}

const definition = (schema: Schema): Definition => schema._zod.def as unknown as Definition;

/** Never accepts what zod refuses; a kind of schema it does not know makes it answer `NO` always. */
export function quick(schema: Schema): Quick {
  const def = definition(schema);
  switch (def.type) {
    case "optional": {
      const inner = quick(def.innerType);
      return (value) => (value === undefined ? undefined : inner(value));
    }
    case "default": {
      const [inner, otherwise] = [quick(def.innerType), def.defaultValue];
      return (value) => (value === undefined ? otherwise : inner(value));
    }
    case "prefault": {
      const [inner, otherwise] = [quick(def.innerType), def.defaultValue];
      return (value) => inner(value === undefined ? otherwise : value);
    }
    case "lazy": {
      let inner: Quick | undefined;
      return (value) => (inner ??= quick(def.getter()))(value);
    }
    case "string":
      return withChecks(def, (value) => (typeof value === "string" ? value : NO));
    case "boolean":
      return (value) => (typeof value === "boolean" ? value : NO);
    case "number":
      return withChecks(def, def.format === "safeint" ? whole : (value) => (Number.isFinite(value) ? value : NO));
    case "enum":
      return oneOf(Object.values(def.entries));
    case "literal":
      return oneOf(def.values);
    case "array":
      return withChecks(def, list(quick(def.element)));
    case "record":
      return map(quick(def.keyType), quick(def.valueType));
    case "object":
      return object(def);
    case "union":
      return union(def);
    default:
      return () => NO;
  }
}

const whole: Quick = (value) => (Number.isSafeInteger(value) ? value : NO);

function oneOf(values: readonly unknown[]): Quick {
  return (value) => (values.includes(value) ? value : NO);
}

function withChecks(def: Definition, type: Quick): Quick {
  const checks = (def.checks ?? []).map(({ _zod }) => checker(_zod.def));
  if (checks.length === 0) return type;
  return (value) => {
    const typed = type(value);
    return typed !== NO && checks.every((check) => check(typed)) ? typed : NO;
  };
}

function checker(def: CheckDefinition): (value: unknown) => boolean {
  const { pattern, value: bound, minimum, maximum, fn } = def;
  switch (def.check) {
    case "greater_than":
      return def.inclusive ? (value) => (value as number) >= bound : (value) => (value as number) > bound;
    case "less_than":
      return def.inclusive ? (value) => (value as number) <= bound : (value) => (value as number) < bound;
    case "min_length":
      return (value) => (value as string | unknown[]).length >= minimum;
    case "max_length":
      return (value) => (value as string | unknown[]).length <= maximum;
    case "number_format":
      return Number.isSafeInteger;
    case "string_format":
      return (value) => pattern?.test(value as string) === true;
    case "custom":
      return (value) => fn(value) === true;
    default:
      return () => false;
  }
}

function list(element: Quick): Quick {
  return (value) => {
    if (!Array.isArray(value)) return NO;
    const items = value.map(element);
    return items.includes(NO) ? NO : items;
  };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function map(key: Quick, item: Quick): Quick {
  return (value) => {
    if (!isObject(value)) return NO;
    const result: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      const parsed = item(value[name]);
      if (parsed === NO || key(name) === NO) return NO;
      result[name] = parsed;
    }
    return result;
  };
}

/** Strict objects only: any other key is refused. */
function object(def: Definition): Quick {
  if (!def.catchall || definition(def.catchall).type !== "never") return () => NO;
  const names = Object.keys(def.shape);
  const known = new Set(names);
  const members = names.map((name) => quick(def.shape[name]!));
  return (value) => {
    if (!isObject(value)) return NO;
    for (const name of Object.keys(value)) if (!known.has(name)) return NO;
    const result: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      const parsed = members[i]!(value[name]);
      if (parsed === NO) return NO;
      if (parsed !== undefined) result[name] = parsed;
    }
    return result;
  };
}

function union({ options, discriminator }: Definition): Quick {
  const quicks = options.map((option) => lazily(option));
  if (discriminator === undefined) {
    return (value) => {
      for (const option of quicks) {
        const parsed = option(value);
        if (parsed !== NO) return parsed;
      }
      return NO;
    };
  }
  const selectors = options.map((option) => definition(definition(option).shape[discriminator]!).values);
  return (value) => {
    if (!isObject(value)) return NO;
    const at = selectors.findIndex((values) => values.includes(value[discriminator]));
    return at < 0 ? NO : quicks[at]!(value);
  };
}

/** Options of a union are compiled when they are first tried. */
function lazily(schema: Schema): Quick {
  let compiled: Quick | undefined;
  return (value) => (compiled ??= quick(schema))(value);
}

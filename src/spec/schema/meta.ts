import { z } from "zod";
import { weakly } from "../../base/weakly.ts";

/**
 * Metadata of a key. `applies` says whether a changed value takes effect on a running unit or needs a restart. Keys inside an
 * object inherit `applies` from the object.
 */
export interface KeyMeta {
  readonly description: string;
  readonly applies?: Applies;
  /** The default for the documentation, if the schema has none because the default depends on other keys. */
  readonly default?: unknown;
  [extra: string]: unknown;
}

export type Applies = "live" | "restart";

export const meta = z.registry<KeyMeta>();

/** The schema of one top-level key. It is made on demand, because most files use few keys. */
export interface Row<S extends z.ZodType> {
  readonly schema: () => S;
  /** True if the key may be absent and has no default. */
  readonly optional: boolean;
}

/** Describes a key whose new value takes effect without a restart. */
export const live = <S extends z.ZodType>(description: string, build: () => S): Row<S> =>
  row({ description, applies: "live" }, build, false);

/** Describes a key whose new value takes effect at the next start of the unit. */
export const restart = <S extends z.ZodType>(description: string, build: () => S): Row<S> =>
  row({ description, applies: "restart" }, build, false);

/**
 * Describes a key like `live` does, but the key may be absent and the schema has no default for it. The documentation gives
 * `otherwise` as the default.
 */
export const liveOptional = <S extends z.ZodType>(description: string, build: () => S, otherwise?: unknown): Row<z.ZodOptional<S>> =>
  row({ description, applies: "live", ...shownDefault(otherwise) }, () => build().optional(), true);

/** Describes a key like `restart` does, but the key may be absent and has no default. */
export const restartOptional = <S extends z.ZodType>(description: string, build: () => S): Row<z.ZodOptional<S>> =>
  row({ description, applies: "restart" }, () => build().optional(), true);

/** Adds a description to a key inside an object. `otherwise` is given as the default in the documentation. */
export const said = <S extends z.ZodType>(description: string, schema: S, otherwise?: unknown): S =>
  note(schema, { description, ...shownDefault(otherwise) });

function row<S extends z.ZodType>(what: KeyMeta, build: () => S, optional: boolean): Row<S> {
  return { optional, schema: weakly(() => note(build(), what)) };
}

const shownDefault = (value: unknown): { default?: unknown } => (value === undefined ? {} : { default: value });

function note<S extends z.ZodType>(schema: S, what: KeyMeta): S {
  meta.add(schema, what);
  return schema;
}

const YEAR = 31_536_000;

/** Schema of a number of seconds, which may have fractions and is at most a year. */
export const seconds = (min = 0): z.ZodNumber => z.number().min(min).max(YEAR);

export const count = (min: number, max = 1_000_000_000): z.ZodInt => z.int().min(min).max(max);

export const words = (): z.ZodArray<z.ZodString> => z.array(z.string());

export const nonEmpty = (): z.ZodString => z.string().min(1);

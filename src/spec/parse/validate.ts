import type { z } from "zod";
import type { Row } from "../schema/meta.ts";
import { type ObjectNode, toValue } from "./tree.ts";
import { UNIT_ROWS, type UnitFile } from "../schema/unit.ts";

export type Issue = z.core.$ZodIssue;

export interface Validated {
  /** The unit with all defaults filled in. If an issue concerns a top-level key, that key is missing here or has its default. */
  readonly unit: UnitFile;
  readonly issues: readonly Issue[];
}

/**
 * Gives the same result as `unitSchema().safeParse`, but builds and runs only the schemas of the keys that are present. A
 * file has about ten of the fifty keys, and the defaults of the other keys are the same in every unit.
 */
export function validateUnit(root: ObjectNode): Validated {
  const given = (absent ??= whenAbsent());
  const unit: Record<string, unknown> = { ...given.defaults };
  const issues: Issue[] = [];
  const unknown: string[] = [];
  for (const [name, { value }] of root.members) {
    const row = Object.hasOwn(ROWS, name) ? ROWS[name]! : undefined;
    if (!row) unknown.push(name);
    else {
      const parsed = row.schema().safeParse(toValue(value), INTERPRETED);
      if (parsed.success) unit[name] = parsed.data;
      else for (const issue of parsed.error.issues) issues.push({ ...issue, path: [name, ...issue.path] });
    }
  }
  for (const name of given.required) {
    if (!root.members.has(name)) issues.push({ code: "invalid_type", expected: "string", path: [name], message: "missing" });
  }
  if (unknown.length > 0) issues.push({ code: "unrecognized_keys", keys: unknown, path: [], message: "unknown keys" });
  return { unit: unit as UnitFile, issues };
}

const ROWS: Readonly<Record<string, Row<z.ZodType>>> = UNIT_ROWS;

let absent: ReturnType<typeof whenAbsent> | undefined;

/** Returns the defaults of keys that may be absent, and the keys that must be present. */
function whenAbsent(): { readonly defaults: Readonly<Record<string, unknown>>; readonly required: readonly string[] } {
  const defaults: Record<string, unknown> = {};
  const required: string[] = [];
  for (const [name, { optional, schema }] of Object.entries(ROWS)) {
    if (optional) continue;
    const parsed = schema().safeParse(undefined, INTERPRETED);
    if (parsed.success) defaults[name] = parsed.data;
    else required.push(name);
  }
  return { defaults, required };
}

/** Makes zod interpret its schemas. Generating code for them would take longer than it saves with a few hundred files. */
const INTERPRETED = { jitless: true };

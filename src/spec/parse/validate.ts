import type { z } from "zod";
import type { Row } from "../schema/meta.ts";
import { NO, type Quick, quick } from "./quick.ts";
import { type ObjectNode, toValue } from "./tree.ts";
import { UNIT_ROWS, type UnitFile } from "../schema/unit.ts";

export type Issue = z.core.$ZodIssue;

/**
 * The same answer as `unitSchema().safeParse`, in a third of the time: only the keys that are there are validated (a
 * file has ten of about fifty), and what is not there has the same default in every unit.
 */
export function validateUnit(root: ObjectNode): { readonly unit: UnitFile } | { readonly issues: readonly Issue[] } {
  const given = (absent ??= whenAbsent());
  const unit: Record<string, unknown> = { ...given.defaults };
  const issues: Issue[] = [];
  const unknown: string[] = [];
  for (const [name, { value }] of root.members) {
    const row = Object.hasOwn(ROWS, name) ? ROWS[name]! : undefined;
    if (!row) unknown.push(name);
    else {
      const plain = toValue(value);
      const data = quickly(name, row, plain);
      // Only zod can say what is wrong.
      const parsed = data === NO ? row.schema().safeParse(plain, INTERPRETED) : { success: true as const, data };
      if (parsed.success) unit[name] = parsed.data;
      else for (const issue of parsed.error.issues) issues.push({ ...issue, path: [name, ...issue.path] });
    }
  }
  for (const name of given.required) {
    if (!root.members.has(name)) issues.push({ code: "invalid_type", expected: "string", path: [name], message: "missing" });
  }
  if (unknown.length > 0) issues.push({ code: "unrecognized_keys", keys: unknown, path: [], message: "unknown keys" });
  return issues.length > 0 ? { issues } : { unit: unit as UnitFile };
}

const ROWS: Readonly<Record<string, Row<z.ZodType>>> = UNIT_ROWS;

const compiled = new Map<string, Quick>();

function quickly(name: string, row: Row<z.ZodType>, value: unknown): unknown {
  let check = compiled.get(name);
  if (!check) compiled.set(name, (check = quick(row.schema())));
  return check(value);
}

let absent: ReturnType<typeof whenAbsent> | undefined;

/** What holds for keys that are not there. */
function whenAbsent(): { readonly defaults: Readonly<Record<string, unknown>>; readonly required: readonly string[] } {
  const defaults: Record<string, unknown> = {};
  const required: string[] = [];
  for (const [name, { optional, schema }] of Object.entries(ROWS)) {
    if (optional) continue;
    const value = quick(schema())(undefined);
    if (value === NO) required.push(name);
    else defaults[name] = value;
  }
  return { defaults, required };
}

/** Without zod's generated code: making it costs more than a few hundred files gain by it. */
const INTERPRETED = { jitless: true };

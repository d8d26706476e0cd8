import { z } from "zod";
import { closest } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { ApiError } from "./errors.ts";

export interface RawInput {
  /** The `:id` in the path of the request, or null if the route has none. */
  readonly id: string | null;
  readonly query: URLSearchParams;
  /** The JSON body, or undefined if there was none. */
  readonly body: unknown;
}

/**
 * Creates a function that merges path, query and body and validates them. An unknown query key results in status 400, and a
 * wrong value in status 422.
 */
export function inputReader<S extends z.ZodObject>(schema: S): (raw: RawInput) => Result<z.output<S>, ApiError> {
  const kinds = new Map(Object.entries(schema.shape).map(([key, field]) => [key, bare(field)._zod.def.type]));
  return ({ id, query, body }) => {
    const merged: Record<string, unknown> = {};
    const problem = addBody(merged, body, kinds) ?? addQuery(merged, query, kinds);
    if (problem) return err(problem);
    if (id !== null) merged.id = id;
    const parsed = schema.safeParse(merged);
    return parsed.success ? ok(parsed.data) : err(invalid(parsed.error, schema, merged));
  };
}

type Kinds = ReadonlyMap<string, string>;

function addBody(merged: Record<string, unknown>, body: unknown, kinds: Kinds): ApiError | undefined {
  if (body === undefined) return undefined;
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return { code: "invalid", message: "cannot accept the body: expected a JSON object" };
  for (const [key, value] of Object.entries(body)) {
    if (key === "id" || !kinds.has(key)) return { code: "invalid", ...unknownKey("body key", key, kinds) };
    merged[key] = value;
  }
  return undefined;
}

function addQuery(merged: Record<string, unknown>, query: URLSearchParams, kinds: Kinds): ApiError | undefined {
  for (const key of new Set(query.keys())) {
    const kind = kinds.get(key);
    if (kind === undefined || key === "id") return { code: "bad-request", ...unknownKey("query key", key, kinds) };
    if (Object.hasOwn(merged, key))
      return { code: "bad-request", message: `cannot accept ${key}: it is both in the query and in the body` };
    const texts = query.getAll(key);
    if (kind !== "array" && texts.length > 1)
      return { code: "bad-request", message: `cannot accept ${key}: it occurs ${texts.length} times` };
    merged[key] = kind === "array" ? texts.flatMap((text) => text.split(",")) : coerce(kind, texts[0]!);
  }
  return undefined;
}

function unknownKey(what: string, key: string, kinds: Kinds): Pick<ApiError, "message" | "hint"> {
  const known = [...kinds.keys()].filter((name) => name !== "id");
  const near = closest(key.slice(0, 64), known);
  const message = `unknown ${what} ${quote(key)}`;
  if (near) return { message, hint: `did you mean ${near}?` };
  return { message, hint: known.length > 0 ? `this route accepts ${known.join(", ")}` : "this route accepts none" };
}

const BOOLEANS: Readonly<Record<string, boolean>> = { "": true, true: true, "1": true, yes: true, false: false, "0": false, no: false };

/**
 * Converts the value of a query parameter (`?wait=false`, `?follow`, `?lines=100`). A value that cannot be converted stays a
 * string, and the schema reports what it expected.
 */
function coerce(kind: string, text: string): unknown {
  if (kind === "boolean") return (Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined) ?? text;
  if (kind === "number" && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  return text;
}

/** Unwraps the schema inside `optional` and `default`. */
function bare(field: z.core.$ZodType): z.core.$ZodType {
  const { type, innerType } = field._zod.def as { type: string; innerType?: z.core.$ZodType };
  return (type === "optional" || type === "default") && innerType ? bare(innerType) : field;
}

function invalid(error: z.ZodError, schema: z.ZodObject, given: Record<string, unknown>): ApiError {
  const issues = error.issues.slice(0, 3);
  const first = issues[0];
  const message = `cannot accept ${issues.map((issue) => describe(issue, given)).join("; ")}`;
  if (first?.code === "unrecognized_keys") return { code: "invalid", message };
  const field = first && schema.shape[String(first.path[0])];
  const hint = field && z.globalRegistry.get(bare(field) as z.ZodType)?.description;
  return hint ? { code: "invalid", message, hint: `${String(first?.path[0])}: ${hint}` } : { code: "invalid", message };
}

/** Describes an issue, for example `units[0]: expected string, received number (got 12)`. */
function describe(issue: z.core.$ZodIssue, given: unknown): string {
  let value: unknown = given;
  let key = "";
  for (const part of issue.path) {
    key += typeof part === "number" ? `[${part}]` : key === "" ? String(part) : `.${String(part)}`;
    value = typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined;
  }
  const words = issue.message.replace(/^Invalid (input|option): /, "").replace("received undefined", "but it is missing");
  return `${key}: ${words}${value === undefined ? "" : ` (got ${quote(value)})`}`;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

import type { z } from "zod";
import { parseDuration } from "../../base/duration.ts";
import { closest } from "../../base/names.ts";
import { type KeyInfo, keyInfoAt } from "./keys.ts";
import { type Problem, problemAt, shortJson } from "./problems.ts";
import { adviceOn, EXAMPLES, synonymOf } from "./synonyms.ts";
import { type Node, type Path, dotted, keyAt, nearest, nodeAt, toValue } from "./tree.ts";

/** Turns the issues that zod found into messages for users, with line and column in the file. */

type Issue = z.core.$ZodIssue;
type Keys = ReadonlyMap<string, KeyInfo>;

export function issuesToProblems(issues: readonly Issue[], root: Node, keys: Keys): Problem[] {
  const problems = issues.flatMap((issue) => [
    ...toProblems(issue, issue.path as Path, root, keys),
    ...besideWrongType(issue, issue.path as Path, root, keys),
  ]);
  // If a misspelt key is reported, it is not also reported that the correct key is missing.
  const meant = new Set(problems.flatMap(({ hint }) => /^did you mean "(.*)"\?$/.exec(hint ?? "")?.[1] ?? []));
  return problems.filter(({ key, value }) => value !== null || !meant.has(key));
}

function toProblems(issue: Issue, path: Path, root: Node, keys: Keys): Problem[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], root, keys));
  if (issue.code === "invalid_union") {
    // In a union of strings and objects, the option that accepts the type of the value has the most precise issue.
    const fitting = issue.errors.find((issues) => issues.length > 0 && !issues.some(misfits));
    if (fitting) return fitting.flatMap((inner) => toProblems(inner, [...path, ...(inner.path as Path)], root, keys));
  }
  const node = nodeAt(root, path);
  if (!node) return [missing(path, root, keys)];
  const value = toValue(node);
  if (issue.code === "invalid_key") {
    const why = issue.issues[0]?.message ?? "is not allowed";
    return [problemAt(keyAt(root, path)!, { path, value, message: `"${dotted(path)}" ${why}` })];
  }
  const rule = predicate(issue, keyInfoAt(keys, path));
  const message = `"${dotted(path)}" ${rule}${rule === EMPTY ? "" : `, not ${shortJson(value)}`}`;
  return [problemAt(node, { path, value, message, hint: hintFor(issue, value, dotted(path)) })];
}

/** If the `type` of an object is missing or wrong, zod does not check its other keys. This function reports those keys that no type has. */
function besideWrongType(issue: Issue, path: Path, root: Node, keys: Keys): Problem[] {
  if (issue.code !== "invalid_union" || issue.discriminator === undefined) return [];
  const parent = path.slice(0, -1);
  const object = nodeAt(root, parent);
  const known = keyInfoAt(keys, parent)?.children();
  if (object?.kind !== "object" || known === undefined) return [];
  const unknown = [...object.members.keys()].filter((key) => !known.has(key));
  return unknown.map((key) => unknownKey([...parent, key], root, keys));
}

/** Returns true if the value has a different type from the one that this option of a union accepts. */
function misfits(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union") return issue.errors.every((issues) => issues.some(misfits));
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

/** Returns the problem for a key that the schema does not have. A file sets the key, or a drop-in removes it. */
export function unknownKey(path: Path, root: Node, keys: Keys): Problem {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const siblings = parent.length === 0 ? keys : (keyInfoAt(keys, parent)?.children() ?? new Map<string, KeyInfo>());
  const place = keyAt(root, path) ?? nearest(root, path);
  const node = nodeAt(root, path);
  return problemAt(place, {
    path,
    value: node && toValue(node),
    message: `unknown key "${dotted(path)}"`,
    hint: unknownHint(key, parent, siblings, root, keys),
  });
}

function unknownHint(key: string, parent: Path, siblings: Keys, root: Node, keys: Keys): string | null {
  const same = siblings.get(key);
  const type = nodeAt(root, [...parent, "type"]);
  const isType = type?.kind === "scalar" && [...siblings.values()].some(({ types }) => types.includes(String(type.value)));
  const own = isType ? type.value : undefined;
  if (same && same.types.length > 0) return `it exists only for type ${same.types.map((name) => `"${name}"`).join(" or ")}`;
  const synonym = synonymOf(key, dotted(parent.filter((step) => typeof step === "string")))?.split(".");
  const meant = synonym && keyInfoAt(keys, [...parent, ...synonym]);
  if (meant && (own === undefined || hasType(meant, own))) return `did you mean "${dotted([...parent, ...synonym])}"?`;
  const isUnitFile = keys.has("command"); // the schema of the settings has no such key
  const advice = isUnitFile && parent.length === 0 ? adviceOn(key) : undefined;
  if (advice !== undefined) return advice;
  const candidates = [...siblings.values()].filter((info) => hasType(info, own));
  const near = closest(
    key,
    candidates.map(({ name }) => name),
  );
  if (near !== undefined) return `did you mean "${dotted([...parent, near])}"?`;
  if (parent.length > 0 && keys.has(key)) return "it belongs at the top level of the file";
  const homes = [...keys.values()].filter((info) => info.children().has(key));
  return homes.length === 1 ? `it belongs in "${homes[0]!.path}"` : null;
}

const hasType = ({ types }: KeyInfo, type: unknown): boolean => types.length === 0 || types.includes(String(type));

function missing(path: Path, root: Node, keys: Keys): Problem {
  const message = `"${dotted(path)}" is missing`;
  return problemAt(nearest(root, path), { path, message, hint: meaning(keyInfoAt(keys, path)) });
}

function meaning(info: KeyInfo | undefined): string | null {
  if (!info || info.description === "") return null;
  return info.type.includes(" | ") ? `one of ${info.type}` : (/^.*?\.(?=\s|$)/.exec(info.description)?.[0] ?? info.description);
}

const EMPTY = "must not be empty";

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "a boolean",
  array: "a list",
  object: "an object",
  record: "an object",
};

/**
 * Describes an issue as a predicate, for example `must be a boolean`. The messages in sup's own schemas (formats,
 * refinements, unions) already have this form.
 */
function predicate(issue: Issue, info: KeyInfo | undefined): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${EXPECTED[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${oneOf(issue.values)}`;
    case "too_small":
      if (issue.origin === "string" || issue.origin === "array")
        return Number(issue.minimum) <= 1 ? EMPTY : `must have at least ${issue.minimum} entries`;
      return `must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "string") return `must be at most ${issue.maximum} characters long`;
      return `must be at most ${issue.maximum}`;
    case "invalid_union":
      if (issue.discriminator !== undefined) return `must be ${oneOf(discriminants(issue))}`;
      return issue.message.startsWith("must") ? issue.message : `must be ${info?.type ?? "something else"}`;
    default:
      return issue.message;
  }
}

const discriminants = (issue: z.core.$ZodIssueInvalidUnion): readonly unknown[] => ("options" in issue ? (issue.options ?? []) : []);

function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  return quoted.length === 1 ? quoted[0]! : `one of ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

const BOOLEAN_WORDS: Readonly<Record<string, string>> = {
  yes: "true",
  on: "true",
  true: "true",
  "1": "true",
  no: "false",
  off: "false",
  false: "false",
  "0": "false",
};

function hintFor(issue: Issue, value: unknown, key: string): string | null {
  if (issue.code === "invalid_value" || (issue.code === "invalid_union" && issue.discriminator !== undefined)) {
    const options = (issue.code === "invalid_value" ? issue.values : discriminants(issue)).map(String);
    const near = typeof value === "string" ? closest(value, options) : undefined;
    return near === undefined ? null : `did you mean "${near}"?`;
  }
  if (issue.code !== "invalid_type") return null;
  if (value === null) return "omit the key to get the default";
  const { expected } = issue;
  if (Object.hasOwn(EXAMPLES, key)) return `for example ${EXAMPLES[key]}`;
  if (expected === "boolean") {
    const word = typeof value === "string" || typeof value === "number" ? BOOLEAN_WORDS[`${value}`.toLowerCase()] : undefined;
    return word === undefined ? null : `write ${word}, without quotes`;
  }
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean")) return `write "${value}", in quotes`;
  if (expected === "array" && typeof value === "string") return `write [${shortJson(value)}]`;
  if (expected === "array" && typeof value === "number") return `write [${value}]`;
  if ((expected === "number" || expected === "int") && typeof value === "string") return numberHint(value);
  return null;
}

function numberHint(text: string): string | null {
  if (text.trim() !== "" && Number.isFinite(Number(text))) return `write ${Number(text)}, without quotes`;
  const ms = parseDuration(text);
  return ms === undefined ? null : `times are in seconds: write ${ms / 1000}`;
}

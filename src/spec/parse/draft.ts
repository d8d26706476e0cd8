import { isTemplate, isUnitId } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { TextFile, UnitFiles } from "../../ports/files.ts";
import { issuesToProblems, unknownKey } from "./issues.ts";
import { type KeyInfo, keyInfoAt, keysOf } from "./keys.ts";
import { LATER } from "./later.ts";
import { merge, removals, underlay } from "./merge.ts";
import { parse } from "./parse.ts";
import { fileProblem, type Problem, problemAt } from "./problems.ts";
import { findContradictions } from "../load/rules.ts";
import type { Spec } from "../spec.ts";
import { checkText } from "../load/specifiers.ts";
import { toSpec } from "../load/to-spec.ts";
import { type Node, type ObjectNode, nearest, nodeAt, offsetInString, type Path, eachScalar, Source, toValue } from "./tree.ts";
import { START_TIMEOUT, UNIT_ROWS, type UnitFile, unitSchema } from "../schema/unit.ts";
import { validateUnit } from "./validate.ts";

/** A unit or template whose own files are in order; how it stands among the others is not known yet. */
export interface Draft {
  readonly spec: Spec;
  readonly effective: Readonly<Record<string, unknown>>;
  readonly root: Node;
  readonly files: readonly TextFile[];
  readonly warnings: readonly Problem[];
}

/** Text to Spec for the files of one unit. `defaults` are keys of the unit file that hold where the files say nothing. */
export function draftUnit(files: UnitFiles, defaults: ObjectNode | null): Result<Draft, readonly Problem[]> {
  const { id, main } = files;
  if (!isUnitId(id) && !isTemplate(id)) return err([badName(id, main.path)]);
  const texts = [main, ...files.dropIns];
  const merged = readAndMerge(texts, defaults);
  if (!merged.ok) return merged;
  const root = merged.value;
  const validated = validateUnit(root);
  const problems = [...refuseLater(root), ...checkTexts(root, texts)];
  if ("issues" in validated) return err(inOrder([...issuesToProblems(validated.issues, root, unitKeys()), ...problems], texts));
  const { unit } = validated;
  for (const { path, ...rest } of findContradictions(unit, (path) => nodeAt(root, path) !== undefined)) {
    problems.push(problemAt(nearest(root, path), { path, ...rest }));
  }
  if (problems.some(({ severity }) => severity === "error")) return err(inOrder(problems, texts));
  return ok({ spec: toSpec(unit, id, main.path), effective: effectiveOf(unit, id), root, files: texts, warnings: problems });
}

/** As they stand in the files. */
function inOrder(problems: readonly Problem[], texts: readonly TextFile[]): Problem[] {
  const rank = new Map(texts.map(({ path }, index) => [path, index]));
  const by = ({ file, line, column }: Problem): number[] => [rank.get(file) ?? 0, line ?? 0, column ?? 0];
  return [...problems].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return x[0]! - y[0]! || x[1]! - y[1]! || x[2]! - y[2]!;
  });
}

let keys: ReadonlyMap<string, KeyInfo> | undefined;

/** The keys of the unit file, in the order of the reference. */
export const unitKeys = (): ReadonlyMap<string, KeyInfo> => (keys ??= keysOf(unitSchema()));

function badName(id: string, path: string): Problem {
  return fileProblem(path, {
    message: `"${id}" is not a name for a unit`,
    hint: "letters, digits, _ . and -, at most 64, beginning with a letter or digit; NAME@ for a template",
  });
}

/** Syntax problems of all files are told together. */
function readAndMerge(texts: readonly TextFile[], defaults: ObjectNode | null): Result<ObjectNode, readonly Problem[]> {
  const problems: Problem[] = [];
  let root: ObjectNode | undefined;
  for (const [index, { path, text }] of texts.entries()) {
    const source = new Source(path, text);
    const parsed = parse(source);
    if (!parsed.ok) {
      problems.push(...parsed.error.map(({ offset, message, hint }) => problemAt({ source, start: offset }, { message, hint })));
    } else if (parsed.value.kind !== "object") {
      problems.push(
        problemAt(parsed.value, {
          message: "a unit file must hold an object",
          value: toValue(parsed.value),
          hint: 'the smallest one is { "command": "…" }',
        }),
      );
    } else if (index === 0) root = parsed.value;
    else {
      problems.push(...unknownRemovals(parsed.value));
      root = merge(root, parsed.value);
    }
  }
  if (problems.length > 0 || root === undefined) return err(problems);
  return ok(defaults ? underlay(defaults, root) : root);
}

/** A null takes a key away before the schema sees it: a misspelt one would go unnoticed. */
function unknownRemovals(patch: Node): Problem[] {
  return removals(patch)
    .filter((path) => keyInfoAt(unitKeys(), path) === undefined)
    .map((path) => unknownKey(path, patch, unitKeys()));
}

function refuseLater(root: Node): Problem[] {
  const problems: Problem[] = [];
  for (const { key, values } of LATER) {
    const path = key.split(".");
    const node = nodeAt(root, path);
    if (!node) continue;
    const value = toValue(node);
    if (values && !values.includes(value as string)) continue;
    const what = values ? `"${key}": ${JSON.stringify(value)}` : `"${key}"`;
    problems.push(
      problemAt(node, { path, value, message: `${what} is not supported yet`, hint: values ? "use another value" : "remove it" }),
    );
  }
  return problems;
}

/** Keys in whose texts specifiers and variables are filled in. */
const EXPANDED: ReadonlySet<unknown> = new Set([
  "command",
  "args",
  "working_directory",
  "environment",
  "environment_files",
  "health_check",
  "pre_start",
  "post_stop",
  "reload",
]);

function checkTexts(root: Node, texts: readonly TextFile[]): Problem[] {
  if (!texts.some(({ text }) => /[%$]|\\u0000/.test(text))) return [];
  const problems: Problem[] = [];
  const shell = nodeAt(root, ["shell"]);
  const inShell = shell?.kind === "scalar" && shell.value === true;
  eachScalar(root, (node, path) => {
    if (typeof node.value !== "string") return;
    if (node.value.includes("\0"))
      problems.push(problemAt(node, { path, value: node.value, message: "a NUL character cannot be in here" }));
    if (!EXPANDED.has(path[0])) return;
    const slip = checkText(node.value, { variables: !(inShell && path[0] === "command") });
    if (!slip) return;
    const start = offsetInString(node, slip.at);
    problems.push(problemAt({ source: node.source, start }, { path, value: node.value, message: slip.message, hint: slip.hint }));
  });
  return problems;
}

/** What is in force, in the words of the unit file; keys that are not set and have no default are absent. */
function effectiveOf(unit: UnitFile, id: string): Record<string, unknown> {
  const timeout = unit.start_timeout ?? (unit.type === "oneshot" ? undefined : START_TIMEOUT);
  const values: Record<string, unknown> = { ...unit, name: unit.name ?? id, start_timeout: timeout };
  const effective: Record<string, unknown> = {};
  for (const key in UNIT_ROWS) if (values[key] !== undefined && key !== "$schema") effective[key] = values[key];
  return effective;
}

/** `default`, or `path:line`, for every value that is in force, by dotted key; a list counts as one value. */
export function sourcesOf(effective: Readonly<Record<string, unknown>>, root: Node): Map<string, string> {
  const sources = new Map<string, string>();
  const visit = (value: unknown, node: Node | undefined, path: Path, key: string): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value) && (path.length === 0 || Object.keys(value).length > 0)) {
      for (const [name, inner] of Object.entries(value)) {
        if (inner === undefined) continue;
        const member = node?.kind === "object" ? node.members.get(name) : undefined;
        visit(inner, member?.value, [...path, name], key === "" ? name : `${key}.${name}`);
      }
    } else sources.set(key, node ? `${node.source.path}:${node.source.position(node.start).line}` : "default");
  };
  visit(effective, root, [], "");
  return sources;
}

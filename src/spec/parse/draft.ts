import { invariant } from "../../base/invariant.ts";
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
import type { DependencySpec, Spec } from "../spec.ts";
import { checkText } from "../load/specifiers.ts";
import { dependencySpecs, toSpec } from "../load/to-spec.ts";
import { type Node, type ObjectNode, nearest, nodeAt, offsetInString, type Path, eachScalar, Source, toValue } from "./tree.ts";
import { START_TIMEOUT, UNIT_ROWS, type UnitFile, unitSchema } from "../schema/unit.ts";
import { type Issue, validateUnit } from "./validate.ts";
import { weakly } from "../../base/weakly.ts";

/** A unit or template whose own files are valid. The units that it depends on are not checked yet. */
export interface Draft {
  readonly spec: Spec;
  readonly effective: Readonly<Record<string, unknown>>;
  readonly root: Links["root"];
  readonly files: readonly TextFile[];
  readonly warnings: readonly Problem[];
}

/** A unit or template whose files have errors. */
export interface FailedDraft {
  readonly problems: readonly Problem[];
  /** The part that can still be checked against other units, or null if the files cannot be parsed. */
  readonly links: Links | null;
}

/** The dependencies of a unit on others. */
export interface Links {
  readonly id: string;
  readonly dependencies: readonly DependencySpec[];
  /**
   * Returns the tree of the merged files, in which a problem is located. The files are parsed again for this, because most units have
   * no problem and the trees of all units together would take more memory than the units themselves.
   */
  readonly root: () => Node;
}

/** Turns the files of one unit into a Spec, or returns all their problems. `defaults` holds values for keys that the files do not set. */
export function draftUnit(files: UnitFiles, defaults: ObjectNode | null): Result<Draft, FailedDraft> {
  const { id, main } = files;
  if (!isUnitId(id) && !isTemplate(id)) return err({ problems: [badName(id, main.path)], links: null });
  const texts = [main, ...files.dropIns];
  const merged = readAndMerge(texts, defaults);
  if (!merged.ok) return err({ problems: merged.error, links: null });
  const { root, removed } = merged.value;
  const { unit, issues } = validateUnit(root);
  const problems = [
    ...removed,
    ...(issues.length > 0 ? issuesToProblems(issues, root, unitKeys()) : []),
    ...refuseLater(root),
    ...checkStrings(root, texts),
  ];
  const isSet = (path: Path): boolean => nodeAt(root, path) !== undefined;
  const unusable = unusableKeys(issues, problems);
  for (const { path, ...rest } of findContradictions(unit, isSet, unusable)) {
    problems.push(problemAt(nearest(root, path), { path, ...rest }));
  }
  if (problems.some(({ severity }) => severity === "error")) {
    const dependencies = unusable.has("dependencies") ? [] : dependencySpecs(unit);
    return err({ problems: inOrder(problems, texts), links: { id, dependencies, root: rootOf(texts, defaults) } });
  }
  return ok({
    spec: toSpec(unit, id, main.path),
    effective: effectiveOf(unit, id),
    root: rootOf(texts, defaults),
    files: texts,
    warnings: problems,
  });
}

/** `texts` and `defaults` must be without syntax errors. */
const rootOf =
  (texts: readonly TextFile[], defaults: ObjectNode | null): Links["root"] =>
  () => {
    const merged = readAndMerge(texts, defaults);
    invariant(merged.ok, "a file without syntax errors was read before");
    return merged.value.root;
  };

/**
 * Returns the top-level keys whose intended value is unknown. Either the value is invalid, or another key in the file is probably a
 * misspelling of this one.
 */
function unusableKeys(issues: readonly Issue[], problems: readonly Problem[]): Set<string> {
  const wrong = issues.flatMap(({ path }) => path.slice(0, 1).map(String));
  const meant = problems.flatMap(({ hint }) => /^(?:did you mean|it belongs in) "([^".]+)/.exec(hint ?? "")?.[1] ?? []);
  return new Set([...wrong, ...meant]);
}

/** Returns the problems sorted by their position in the files. */
export function inOrder(problems: readonly Problem[], texts: readonly TextFile[]): Problem[] {
  const rank = new Map(texts.map(({ path }, index) => [path, index]));
  const by = ({ file, line, column }: Problem): number[] => [rank.get(file) ?? 0, line ?? 0, column ?? 0];
  return [...problems].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return x[0]! - y[0]! || x[1]! - y[1]! || x[2]! - y[2]!;
  });
}

/** Returns the keys of the unit file, in the order of the reference. */
export const unitKeys: () => ReadonlyMap<string, KeyInfo> = weakly(() => keysOf(unitSchema()));

function badName(id: string, path: string): Problem {
  return fileProblem(path, {
    message: `"${id}" is not a valid unit name`,
    hint: "use letters, digits, _ . and -, at most 64, starting with a letter or digit; NAME@ for a template",
  });
}

interface Merged {
  readonly root: ObjectNode;
  /** Problems with unknown keys that drop-ins remove. */
  readonly removed: readonly Problem[];
}

/** Reads the main file and merges the drop-ins over it. The error contains the syntax problems of all files. */
function readAndMerge(texts: readonly TextFile[], defaults: ObjectNode | null): Result<Merged, readonly Problem[]> {
  const removed: Problem[] = [];
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
          message: "a unit file must contain a JSON object",
          value: toValue(parsed.value),
          hint: 'the smallest one is { "command": "…" }',
        }),
      );
    } else if (index === 0) root = parsed.value;
    else {
      removed.push(...unknownRemovals(parsed.value));
      root = merge(root, parsed.value);
    }
  }
  if (problems.length > 0 || root === undefined) return err(problems);
  return ok({ root: defaults ? underlay(defaults, root) : root, removed });
}

/** Finds misspelt keys that a drop-in removes. The schema cannot find them, because a null removes a key before the schema sees it. */
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

/** The top-level keys whose strings may contain specifiers and variables. */
const EXPANDED: ReadonlySet<unknown> = new Set([
  "command",
  "args",
  "working_directory",
  "environment",
  "environment_files",
  "health_check",
  "conditions",
  "pre_start",
  "pre_restart",
  "post_stop",
  "reload",
]);

function checkStrings(root: Node, texts: readonly TextFile[]): Problem[] {
  if (!texts.some(({ text }) => /[%$]|\\u0000|\\u[dD][89a-fA-F]/.test(text))) return [];
  const problems: Problem[] = [];
  const shell = nodeAt(root, ["shell"]);
  const inShell = shell?.kind === "scalar" && shell.value === true;
  eachScalar(root, (node, path) => {
    if (typeof node.value !== "string") return;
    if (node.value.includes("\0"))
      problems.push(problemAt(node, { path, value: node.value, message: "the string contains a NUL character" }));
    // Half of a surrogate pair would turn into another character when the string is encoded as UTF-8.
    if (!node.value.isWellFormed())
      problems.push(problemAt(node, { path, message: "the string contains half of a surrogate pair, which is no character" }));
    if (!EXPANDED.has(path[0])) return;
    const found = checkText(node.value, { variables: !(inShell && path[0] === "command") });
    if (!found) return;
    const start = offsetInString(node, found.at);
    problems.push(problemAt({ source: node.source, start }, { path, value: node.value, message: found.message, hint: found.hint }));
  });
  return problems;
}

/** Returns the values in effect, under the keys of the unit file. Keys that are not set and have no default are absent. */
function effectiveOf(unit: UnitFile, id: string): Record<string, unknown> {
  const timeout = unit.start_timeout ?? (unit.type === "oneshot" ? undefined : START_TIMEOUT);
  const values: Record<string, unknown> = { ...unit, name: unit.name ?? id, start_timeout: timeout };
  const effective: Record<string, unknown> = {};
  for (const key in UNIT_ROWS) if (values[key] !== undefined && key !== "$schema") effective[key] = values[key];
  return effective;
}

/**
 * Returns `default` or `path:line` for every value in effect, by dotted key. A list counts as one value. `files` and `defaults` are those
 * of `draftUnit`, which has accepted them.
 */
export function sourcesOf(
  effective: Readonly<Record<string, unknown>>,
  files: readonly TextFile[],
  defaults: ObjectNode | null,
): Map<string, string> {
  const sources = new Map<string, string>();
  const merged = readAndMerge(files, defaults);
  const visit = (value: unknown, node: Node | undefined, path: Path, key: string): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value) && (path.length === 0 || Object.keys(value).length > 0)) {
      for (const [name, inner] of Object.entries(value)) {
        if (inner === undefined) continue;
        const member = node?.kind === "object" ? node.members.get(name) : undefined;
        visit(inner, member?.value, [...path, name], key === "" ? name : `${key}.${name}`);
      }
    } else sources.set(key, node ? `${node.source.path}:${node.source.position(node.start).line}` : "default");
  };
  visit(effective, merged.ok ? merged.value.root : undefined, [], "");
  return sources;
}

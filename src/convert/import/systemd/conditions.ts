import { lookUp } from "../data.ts";
import type { UnitDraft } from "../draft.ts";
import { joinText } from "../text.ts";
import { whereOf, type Assignment, type Settings } from "./parse.ts";
import { specifierParts, type UnitNames } from "./specifiers.ts";
import { CONDITIONS } from "./tables.ts";

/** Imports the conditions and assertions of `[Unit]`. `unknown` collects the specifiers whose values sup does not know. */
export function importConditions(unit: UnitDraft, settings: Settings, names: UnitNames, unknown: Set<string>): void {
  const conditions: unknown[] = [];
  const alternatives: Test[] = [];
  for (const key of settings.keys()) {
    for (const found of settings.all(key)) {
      const match = /^(Condition|Assert)(\w+)$/.exec(key);
      if (!match) continue;
      const test = readTest(found, match[2]!, names, unknown);
      if (match[1] === "Assert") assertion(unit, test);
      else if (test.isAlternative) alternatives.push(test);
      else condition(unit, test, conditions);
    }
  }
  const [only] = alternatives;
  // One alternative alone is a condition like any other.
  if (alternatives.length === 1) condition(unit, only!, conditions);
  else if (alternatives.length > 1) anyOf(unit, alternatives, conditions);
}

/** A condition or assertion of a unit file. */
interface Test {
  readonly found: Assignment;
  /** The part of the key after `Condition` or `Assert`. */
  readonly kind: string;
  /** A path in sup's syntax. */
  readonly path: string;
  readonly isNot: boolean;
  /** True for a triggering condition (`|`). Of those, only one must be met. */
  readonly isAlternative: boolean;
}

function readTest(found: Assignment, kind: string, names: UnitNames, unknown: Set<string>): Test {
  const [, bar, not, text] = /^(\|?)\s*(!?)\s*(.*)$/s.exec(found.value) as unknown as [string, string, string, string];
  const path = joinText(specifierParts(text, names, unknown));
  return { found, kind, path, isNot: not === "!", isAlternative: bar === "|" };
}

/** The options of test(1), by kind. */
const TESTS: Readonly<Record<string, string>> = {
  PathExists: "-e",
  PathIsDirectory: "-d",
  FileNotEmpty: "-s",
  FileIsExecutable: "-x",
  PathIsSymbolicLink: "-L",
  PathIsReadWrite: "-w",
};

/** Returns the words of test(1), or null if test(1) has no such test. */
function testWords({ kind, path, isNot }: Test): string[] | null {
  const option = lookUp(TESTS, kind);
  if (option === undefined || !isPath(path)) return null;
  return isNot ? ["!", option, path] : [option, path];
}

/** A path can also start with a specifier or a variable. */
const isPath = (path: string): boolean => /^[/%$]/.test(path);

function assertion(unit: UnitDraft, test: Test): void {
  const { key } = test.found;
  const words = testWords(test);
  if (words === null) return unit.drop(key, whereOf(test.found), "sup cannot check it before a start", "check it in pre_start");
  unit.list("pre_start").push({ command: "test", args: words });
  unit.carried(key, "pre_start: the start fails if it is not met", whereOf(test.found));
}

function condition(unit: UnitDraft, test: Test, conditions: unknown[]): void {
  const { found, kind, path, isNot } = test;
  const key = lookUp(CONDITIONS, `Condition${kind}`);
  const words = testWords(test);
  if (key !== undefined && isPath(path)) conditions.push(isNot ? { [key]: path, not: true } : { [key]: path });
  else if (words !== null) conditions.push({ command: "test", args: words });
  else return drop(unit, found);
  unit.carry(found.key, "conditions", [...conditions], whereOf(found));
}

function drop(unit: UnitDraft, found: Assignment): void {
  unit.drop(
    found.key,
    whereOf(found),
    "sup has no such condition, so the unit starts without it",
    "check it in pre_start, or do not enable the unit on machines where it is not met",
  );
}

/** One of several alternatives must be met. A shell makes one condition of them. */
function anyOf(unit: UnitDraft, alternatives: readonly Test[], conditions: unknown[]): void {
  const words = alternatives.map((test) => (test.kind === "DirectoryNotEmpty" ? null : testWords(test)));
  if (words.includes(null)) {
    for (const { found } of alternatives) drop(unit, found);
    return;
  }
  const line = (words as string[][]).map((each) => `test ${each.map(shellWord).join(" ")}`).join(" || ");
  conditions.push({ command: "/bin/sh", args: ["-c", line] });
  unit.set("conditions", [...conditions]);
  for (const { found } of alternatives) unit.carried(found.key, "conditions: a shell checks the alternatives", whereOf(found));
}

const shellWord = (word: string): string => (/^[\w@%+=:,./!-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

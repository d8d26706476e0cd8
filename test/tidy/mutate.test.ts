/** `npm run mutate`: which changes it makes, and what it says about tests that notice them or not. */
import { describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { applyMutant, diffOf, findMutants, isRealChange } from "../../scripts/mutate/mutants.ts";
import { run } from "../harness/run.ts";
import { tempDir } from "../harness/temp.ts";
import { PROJECT } from "./tree.ts";

/** The real mutants of a text, applied. */
const mutantsOf = (text: string): string[] =>
  findMutants("src/core/a.ts", text)
    .filter((mutant) => isRealChange(text, mutant))
    .map((mutant) => applyMutant(text, mutant));

describe("what is changed", () => {
  test.each<[string, string, string[]]>([
    ["an equality", "a(b === c);", ["a(b !== c);"]],
    ["a bound", "a(b < c);", ["a(b <= c);", "a(b >= c);"]],
    ["a connective", "a(b && c);", ["a(b || c);"]],
    ["an operator", "a(b + c);", ["a(b - c);"]],
    ["an assignment", "a += b;", ["a -= b;"]],
    ["a step", "a++;", ["a--;"]],
    ["a boolean", "a(true, { b: false });", ["a(false, { b: false });", "a(true, { b: true });"]],
    ["a number, up and down", "a(10);", ["a(11);", "a(9);"]],
    ["a zero, only up", "a(0);", ["a(1);"]],
    ["a negation", "a(!b);", ["a(b);"]],
    ["an early return", "function f() { if (a) return; b(); }", ["function f() { if (false && (a)) return; b(); }", "function f() { if (true || (a)) return; b(); }"]], // prettier-ignore
    ["a loop", "while (a(b)) c();", ["while (false && (a(b))) c();"]],
    ["a choice", "a(b ? c : d);", ["a(b && false ? c : d);", "a(b || true ? c : d);"]],
    ["the lesser and the greater", "Math.min(a, b);", ["Math.max(a, b);"]],
    ["some and every", "a.some(b);", ["a.every(b);"]],
  ])("%s", (_, text, wanted) => expect(mutantsOf(text).toSorted()).toEqual(wanted.toSorted()));

  test.each([
    ["a string", 'a("1 < 2 && true");'],
    ["a comment", "// 1 < 2 && true\na;"],
    ["a regular expression", "a(/1 < 2/);"],
    ["a type", "type A = 1 | true; interface B { readonly c: false }"],
    ["a conditional type", "type A<T> = T extends 1 ? 2 : 3;"],
    ["a generic", "a<b>(c);"],
    ["an arrow and a value that is asserted", "a((b) => b!);"],
    ["a decimal fraction", "a(0.5);"],
  ])("not %s", (_, text) => expect(mutantsOf(text)).toEqual([]));

  test("the code in a template is changed, its text is not", () => {
    expect(mutantsOf("a(`1 < 2 ${b < c}`);")).toEqual(["a(`1 < 2 ${b <= c}`);", "a(`1 < 2 ${b >= c}`);"]);
  });

  test("the diff has the changed line, with its number", () => {
    const text = "a;\n  b(c === d);\ne;\n";
    const [mutant] = findMutants("src/core/a.ts", text);
    expect(mutant!.line).toBe(2);
    expect(diffOf(text, mutant!)).toBe("- b(c === d);\n+ b(c !== d);");
  });
});

test("mutants that a test notices die, others survive and fail the run below --at-least; the sources stay as they are", async () => {
  using dir = tempDir();
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir.path, path)), { recursive: true });
    writeFileSync(join(dir.path, path), text);
  };
  for (const path of [
    "scripts/mutate.ts",
    "scripts/mutate",
    "test/tidy/code.ts",
    "test/tidy/tree.ts",
    "test/sim/random.ts",
    "tsconfig.json",
  ])
    cpSync(join(PROJECT, path), join(dir.path, path), { recursive: true });
  symlinkSync(join(PROJECT, "node_modules"), join(dir.path, "node_modules"));
  const source = "export const least = (a: number, b: number): number => Math.min(a, b);\nexport const unseen = (): boolean => true;\n";
  write("src/core/a.ts", source);
  write(
    "test/core/a.test.ts",
    'import { expect, test } from "bun:test";\nimport { least } from "../../src/core/a.ts";\ntest("least", () => expect(least(1, 2)).toBe(1));\n',
  );
  const mutate = (...args: string[]) =>
    run([join(PROJECT, "node_modules/.bin/bun"), join(dir.path, "scripts/mutate.ts"), ...args], {
      env: { PATH: process.env.PATH ?? "", HOME: dir.path },
      cwd: dir.path,
      timeoutMs: 120_000,
    });
  const { code, stdout } = await mutate("core", "--at-least=51");
  expect(stdout).toContain("killed   src/core/a.ts:1 min → max");
  expect(stdout).toContain("SURVIVED src/core/a.ts:2 true → false");
  expect(stdout).toContain("- export const unseen = (): boolean => true;\n+ export const unseen = (): boolean => false;");
  expect(stdout).toContain("1 of 2 mutants killed (50.0 %): 1 by tests, 0 by types, 0 by the time limit; 1 survived");
  expect(code).toBe(1);
  expect((await mutate("core", "--at-least=50")).code).toBe(0);
  expect(readFileSync(join(dir.path, "src/core/a.ts"), "utf8")).toBe(source);
}, 120_000);

import { describe, expect, test } from "bun:test";
import { findCircles } from "./circles.ts";
import { readCode } from "./code.ts";
import { findDead } from "./dead.ts";
import { importsOf } from "./imports.ts";
import { checkLockFile, checkScenarios, checkVersions } from "./project.ts";
import { checkPaths } from "./paths.ts";
import { checkRings } from "./rings.ts";
import { checkSize, functionBodies } from "./size.ts";
import { checkText } from "./text.ts";
import { report, treeOf, type Finding } from "./tree.ts";
import { checkTypesOnly } from "./types-only.ts";
import { checkWords } from "./words.ts";

const messages = (findings: readonly Finding[]): string[] => report(findings).split("\n").filter(Boolean);

describe("reading code", () => {
  test.each([
    ["a line comment", "a // b\nc", "a     \nc"],
    ["a block comment over lines", "a /* b\n b */ c", "a     \n      c"],
    ["a string with an escaped quote", String.raw`f("a\"b")`, 'f("    ")'],
    ["a comment mark in a string", 'f("//x") // y', 'f("   ")     '],
    ["a template keeps the code of its holes", "`a${b}c`", "` ${b} `"],
    ["a hole with braces and a nested template", "`x${f({a: `y`})}z`", "` ${f({a: ` `})} `"],
    ["a regular expression with a quote", `x = /["']/g; y`, "x = /    /g; y"],
    ["a division is no regular expression", "a / b; c / d", "a / b; c / d"],
    ["a lone apostrophe in page text", "<p>don't {x}</p>", "<p>don't {x}</p>"],
  ])("%s", (_, text, bare) => expect(readCode(text).bare).toBe(bare));

  test("strings stay when only comments are blanked", () => expect(readCode('a("b") // c').withoutComments).toBe('a("b")     '));
});

describe("imports", () => {
  const found = (text: string): string[] => importsOf("src/core/a.ts", text).map(({ to, typeOnly }) => to + (typeOnly ? " (type)" : ""));

  test.each([
    ["a value", 'import { b } from "../base/b.ts"; b();', ["src/base/b.ts"]],
    ["a type", 'import type { B } from "../base/b.ts";', ["src/base/b.ts (type)"]],
    ["a list of types only", 'import { type B, type C } from "../base/b.ts";', ["src/base/b.ts (type)"]],
    ["types and a value", 'import { type B, c } from "../base/b.ts"; c();', ["src/base/b.ts"]],
    ["over several lines", 'import {\n  b,\n  c,\n} from "./b.ts";\nb(c);', ["src/core/b.ts"]],
    ["an unused value", 'import { b } from "./b.ts";', ["src/core/b.ts"]],
    ["a side effect", 'import "./b.ts";', ["src/core/b.ts"]],
    ["a lazy import", 'const b = await import("./b.ts");', ["src/core/b.ts"]],
    ["an export from", 'export { b } from "./b.ts";', ["src/core/b.ts"]],
    ["an export of types", 'export type { B } from "./b.ts";', ["src/core/b.ts (type)"]],
    ["a package", 'import { z } from "zod"; z();', ["zod"]],
    ["one in a comment is none", '// import { b } from "./b.ts"\n', []],
  ])("%s", (_, text, expected) => expect(found(text)).toEqual(expected));
});

describe("rings", () => {
  const check = (path: string, text: string): string[] => messages(checkRings(treeOf({ [path]: text })));

  test.each([
    ["core may not know linux, not even its types", "src/core/a.ts", 'import type { A } from "../linux/a.ts";'],
    ["base knows nobody", "src/base/a.ts", 'import { a } from "../spec/a.ts"; a();'],
    ["cli may not know the daemon", "src/cli/a.ts", 'await import("../daemon/engine.ts");'],
    [
      "cli knows linux only where a command works on its own machine",
      "src/cli/commands/status.ts",
      'import { a } from "../../linux/a.ts"; a();',
    ],
    ["web knows no unit files", "src/web/a.tsx", 'import { a } from "../spec/a.ts"; a();'],
    ["web may not know the server", "src/web/a.tsx", 'import { a } from "../api/server/server.ts"; a();'],
    ["the daemon names no adapter", "src/daemon/engine/engine.ts", 'import { a } from "../../adapters/clock.ts"; a();'],
    ["the contract knows no server", "src/api/contract/shapes.ts", 'import { a } from "../server/server.ts"; a();'],
    ["the contract gets no values from the ports", "src/api/contract/view.ts", 'import { a } from "../../ports/logs.ts"; a();'],
    ["pure rooms import no node modules", "src/core/a.ts", 'import { join } from "node:path"; join();'],
    ["bun:ffi lives in linux", "src/adapters/a.ts", 'import { dlopen } from "bun:ffi"; dlopen();'],
    ["kleur lives in cli/render", "src/cli/io.ts", 'import kleur from "kleur"; kleur();'],
    ["commander lives in cli/parse/full-parser", "src/cli/commands/a.ts", 'import { Command } from "commander"; Command();'],
    ["zod does not come to the command line", "src/cli/a.ts", 'import { z } from "zod"; z();'],
    ["a new folder needs a row", "src/misc/a.ts", "export {};"],
    ["nothing is imported from outside src", "src/cli/a.ts", 'import { a } from "../../test/a.ts"; a();'],
  ])("%s", (_, path, text) => expect(check(path, text)).toHaveLength(1));

  test.each([
    ["the contract may use the types of the ports", "src/api/contract/view.ts", 'import type { A } from "../../ports/logs.ts";'],
    ["compose names adapters", "src/daemon/compose/compose.ts", 'import { a } from "../../adapters/clock.ts"; a();'],
    ["spec may use zod", "src/spec/schema/unit.ts", 'import { z } from "zod"; z();'],
    ["doctor may look at the machine", "src/cli/doctor/daemon.ts", 'import { a } from "../../linux/a.ts"; a();'],
    ["linux may use bun:ffi", "src/linux/ffi/libc.ts", 'import { dlopen } from "bun:ffi"; dlopen();'],
  ])("%s", (_, path, text) => expect(check(path, text)).toEqual([]));
});

describe("circles", () => {
  const circles = (files: Record<string, string>): string[] => messages(findCircles(treeOf(files)));

  test("a tree of imports has none, also when two branches meet", () => {
    const files = {
      "src/a.ts": 'import { b } from "./b.ts"; import { c } from "./c.ts"; b(c);',
      "src/b.ts": 'import { d } from "./d.ts"; d();',
      "src/c.ts": 'import { d } from "./d.ts"; d();',
      "src/d.ts": 'import { join } from "node:path"; import { no } from "../test/no.ts"; join(no);',
      "test/no.ts": 'import { a } from "../src/a.ts"; a();',
    };
    expect(circles(files)).toEqual([]);
  });

  test("a circle over several files is reported once, with all its files", () => {
    const files = {
      "src/a.ts": 'import { b } from "./b.ts"; b();',
      "src/b.ts": 'import { c } from "./sub/c.ts"; c();',
      "src/sub/c.ts": 'import { a } from "../a.ts"; import { d } from "../d.ts"; a(d);',
      "src/d.ts": "",
      "src/main.ts": 'import { a } from "./a.ts"; a();',
    };
    expect(circles(files)).toEqual(["src/a.ts is in a circle of imports with src/b.ts, src/sub/c.ts"]);
  });

  test.each([
    ["a type-only import", 'import type { A } from "./a.ts";'],
    ["a lazy import", 'await import("./a.ts");'],
    ["an export from", 'export { a } from "./a.ts";'],
  ])("%s counts", (_, text) => {
    expect(circles({ "src/a.ts": 'import { b } from "./b.ts"; b();', "src/b.ts": text })).toHaveLength(1);
  });

  test("two separate circles are two findings, and a file that imports itself is one", () => {
    const pair = (from: string, to: string): string => `import { ${to} } from "./${to}.ts"; export const ${from} = ${to};`;
    const files = { "src/a.ts": pair("a", "b"), "src/b.ts": pair("b", "a"), "src/c.ts": pair("c", "d"), "src/d.ts": pair("d", "c"), "src/e.ts": pair("e", "e") }; // prettier-ignore
    expect(circles(files)).toEqual([
      "src/a.ts is in a circle of imports with src/b.ts",
      "src/c.ts is in a circle of imports with src/d.ts",
      "src/e.ts imports itself",
    ]);
  });
});

describe("words", () => {
  const check = (path: string, text: string): string[] => messages(checkWords(treeOf({ [path]: text })));

  test.each([
    ["src/core/a.ts", "const now = Date.now();"],
    ["src/core/a.ts", "const now = new Date(5);"],
    ["src/core/a.ts", "setTimeout(() => {}, 1);"],
    ["src/base/a.ts", "const x = Math.random();"],
    ["src/base/a.ts", "const x = `${process.pid}`;"],
    ["src/spec/a.ts", "const x = Bun.hash('x');"],
    ["src/api/contract/view.ts", "performance.now();"],
    ["src/adapters/a.ts", 'Bun.spawn(["true"]);'],
    ["src/cli/a.ts", "readFileSync(`/proc/${pid}/stat`);"],
    ["src/daemon/a.ts", "process.kill(1);"],
  ])("%s: %s", (path, text) => expect(check(path, text)).toHaveLength(1));

  test.each([
    ["src/core/a.ts", "// Date.now() is an argument here"],
    ["src/core/a.ts", 'const type = "process";'],
    ["src/core/a.ts", "row.process.pid; const o = { process: 1 };"],
    ["src/linux/a.ts", "Bun.spawn([`/proc/${pid}`]);"],
    ["src/adapters/a.ts", "Date.now();"],
    ["test/a.test.ts", "Date.now();"],
  ])("allowed in %s: %s", (path, text) => expect(check(path, text)).toEqual([]));
});

describe("types only", () => {
  const check = (path: string, text: string): string[] => messages(checkTypesOnly(treeOf({ [path]: text })));

  test("a value that a port exports is reported by its name", () => {
    expect(check("src/ports/a.ts", "export const key = 1;\nexport interface A {}")).toEqual([
      "src/ports/a.ts exports key: ports hold types only",
    ]);
  });

  test.each([
    ["a list with the type made from it", 'export const STAGES = ["a"] as const;\nexport type Stage = (typeof STAGES)[number];'],
    ["a function", "export function f(): void {}"],
    ["a value that is exported again", 'export { a } from "../base/a.ts";'],
    ["code without an export", "const a = 1;\na.toString();"],
    ["an import for its side effects", 'import "../base/a.ts";'],
  ])("%s is reported", (_, text) => expect(check("src/ports/sub/a.ts", text)).toHaveLength(1));

  test.each([
    ["types", 'import type { B } from "../base/b.ts";\nexport interface A { b: B }\nexport type C = A | null;'],
    ["a type that is exported again", 'export type { B } from "../base/b.ts";'],
  ])("%s may be in a port", (_, text) => expect(check("src/ports/a.ts", text)).toEqual([]));

  test("other rooms may export values", () => expect(check("src/base/a.ts", "export const a = 1;")).toEqual([]));
});

describe("size", () => {
  const lines = (count: number): string => "x();\n".repeat(count);
  const check = (path: string, text: string): string[] => messages(checkSize(treeOf({ [path]: text })));

  test("a file over 400 lines is told", () => expect(check("src/a.ts", lines(401))).toHaveLength(1));
  test("a file of 400 lines is not", () => expect(check("src/a.ts", lines(400))).toEqual([]));
  test("a stated reason is enough", () => expect(check("src/a.ts", `// tidy: long because it is a table\n${lines(401)}`)).toEqual([]));
  test("a reason without words is none", () => expect(check("src/a.ts", `// tidy: long because\n${lines(401)}`)).toHaveLength(1));

  test.each([
    ["a function", (body: string) => `function f() {${body}}`],
    ["an arrow function", (body: string) => `const f = async (a: number): Promise<void> => {${body}};`],
    ["a method with a return type", (body: string) => `class A {\n  f(a: string): Map<string, number> {${body}}\n}`],
    ["a return type with braces", (body: string) => `function f(): { a: number } {${body}}`],
    ["a destructured argument", (body: string) => `function f({ a, b }: { a: string; b: number }): void {${body}}`],
  ])("%s over 70 lines is told", (_, wrap) => {
    expect(check("src/a.ts", wrap(`\n${lines(69)}`))).toHaveLength(1);
    expect(check("src/a.ts", wrap(`\n${lines(68)}`))).toEqual([]);
    expect(check("src/a.ts", `// tidy: long because one case a row\n${wrap(`\n${lines(69)}`)}`)).toEqual([]);
  });

  test("tables, types, classes and blocks are no functions", () => {
    const text = "const t = { a: 1 }; interface A { b: 1 } class C { d = 1 } if (f(1)) { x } for (;;) { y } switch (z) { }";
    expect(functionBodies(text)).toEqual([]);
  });
});

describe("dead files", () => {
  const dead = (files: Record<string, string>): string[] => findDead(treeOf(files)).map(({ path }) => path);

  test("a file that nothing imports is dead, and what only it imports too", () => {
    const files = {
      "src/main.ts": 'import "./a.ts";',
      "src/a.ts": "",
      "src/b.ts": 'import { c } from "./c.ts"; c();',
      "src/c.ts": "",
    };
    expect(dead(files)).toEqual(["src/b.ts", "src/c.ts"]);
  });

  test("lazy imports, workers, pages and their scripts are alive", () => {
    const files = {
      "src/main.ts": 'await import("./cli/a.ts"); import page from "./web/index.html"; page;',
      "src/cli/a.ts": 'new Worker("./w.ts"); import type { T } from "./t.ts";',
      "src/cli/w.ts": "",
      "src/cli/t.ts": "",
      "src/web/index.html": '<link href="./style.css"><script src="./app.tsx">',
      "src/web/style.css": '@import "./more.css";',
      "src/web/more.css": "",
      "src/web/app.tsx": "",
    };
    expect(dead(files)).toEqual([]);
  });
});

describe("text", () => {
  const check = (path: string, text: string): string[] => messages(checkText(treeOf({ [path]: text })));

  test.each([
    ["src/a.ts", "const a: any = 1;"],
    ["src/a.ts", "f(a as any);"],
    ["src/a.ts", "const a: any[] = [];"],
    ["src/a.ts", "const a: Map<string, any> = b;"],
    ["README.md", "TO" + "DO: write this"],
    ["src/a.ts", "// FIX" + "ME later"],
    ["docs/a.md", "see /wo" + "rk/main"],
    ["docs/a.md", "cd /ro" + "ot/x"],
    ["package-lock.json", "https://registry.np" + "mjs.org/zod"],
  ])("%s: %s", (path, text) => expect(check(path, text)).toHaveLength(1));

  test.each([
    ["src/a.ts", "await Promise.any(list); AbortSignal.any([a]); // any of them"],
    ["src/a.ts", 'const mode = "any"; const o = { any: 1 };'],
    ["test/a.test.ts", '"x:0:0::/ro' + 'ot:/bin/sh"; "/$bunfs/ro' + 'ot"'],
    ["docs/a.md", "in any case"],
  ])("allowed in %s: %s", (path, text) => expect(check(path, text)).toEqual([]));
});

describe("paths in documents", () => {
  const files = { "src/core/unit/step.ts": "", "test/e2e/up/up.test.ts": "", "scripts/lint.sh": "", "test/vm/limits.test.sh": "" };
  const check = (path: string, text: string): string[] => messages(checkPaths(treeOf({ ...files, [path]: text })));

  test.each([
    ["a file", "HACKING.md", "see `src/core/step.ts`"],
    ["a folder", "docs/survival.md", "| `test/e2e/rolling` |"],
    ["after ./", "HACKING.md", "npm test -- ./test/core/step.test.ts"],
    ["a pattern", "HACKING.md", "`test/vm/*.test.ts`"],
  ])("%s that does not exist is reported", (_, path, text) => expect(check(path, text)).toHaveLength(1));

  test.each([
    ["a file", "HACKING.md", "see `src/core/unit/step.ts`."],
    ["a folder", "README.md", "./test/e2e/ and test/e2e/<scenario>"],
    ["a pattern", "HACKING.md", "`test/vm/*.test.sh`"],
    ["a path of the reader's own", "docs/watch.md", "~/src/a.ts and /srv/test/b.ts"],
    ["a document elsewhere", "test/e2e/notes.md", "src/gone.ts"],
  ])("%s is accepted", (_, path, text) => expect(check(path, text)).toEqual([]));
});

describe("project files", () => {
  test("an address in the lock file is told, a funding page is not", () => {
    const lock = (entry: object): string => JSON.stringify({ packages: { "node_modules/a": entry } });
    expect(checkLockFile(lock({ resolved: "file:a" }))).toHaveLength(1);
    expect(checkLockFile(lock({ tarball: "https://example.com/a.tgz" }))).toHaveLength(1);
    expect(checkLockFile(lock({ integrity: "sha512-x", funding: { url: "https://example.com" } }))).toEqual([]);
  });

  test("a version range is told", () => {
    expect(checkVersions('{"dependencies":{"a":"^1.0.0","b":"1.0.0"}}')).toHaveLength(1);
  });

  test("a scenario without a test is told", () => {
    const tree = treeOf({ "test/e2e/good/a.test.ts": "", "test/e2e/good/units/a.unit.json": "", "test/e2e/bad/units/a.test.ts": "" });
    expect(checkScenarios(tree).map(({ path }) => path)).toEqual(["test/e2e/bad"]);
  });
});

/** The scripts that check the project must be able to fail. */
import { describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, type Ran } from "../harness/run.ts";
import { tempDir, type TempDir } from "../harness/temp.ts";
import { PROJECT } from "./tree.ts";

const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/nonexistent" };

/** A project with this one's scripts and dependencies, and with `files`, which may replace a script. */
function project(files: Record<string, string>): TempDir {
  const dir = tempDir();
  cpSync(join(PROJECT, "scripts"), join(dir.path, "scripts"), { recursive: true });
  cpSync(join(PROJECT, "tsconfig.json"), join(dir.path, "tsconfig.json"));
  symlinkSync(join(PROJECT, "node_modules"), join(dir.path, "node_modules"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir.path, path, ".."), { recursive: true });
    writeFileSync(join(dir.path, path), text);
  }
  return dir;
}

const sh = (dir: TempDir, script: string, ...args: string[]): Promise<Ran> =>
  run(["/bin/sh", join(dir.path, "scripts", script), ...args], { env, cwd: dir.path });

const testFile = (body: string): string => `import { expect, test } from "bun:test";\n${body}\n`;
const PASS = testFile('test("a", () => expect(1).toBe(1));');
const FAIL = testFile('test("b", () => expect(1).toBe(2));');
const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1)!;

describe("scripts/test.sh", () => {
  test.each([
    ["all pass", { "test/core/a.test.ts": PASS, "test/spec/b.test.ts": PASS }, "2 passed, 0 failed", 0],
    ["one fails", { "test/core/a.test.ts": PASS, "test/core/b.test.ts": FAIL }, "1 passed, 1 failed", 1],
    ["one is skipped", { "test/core/a.test.ts": `${PASS}test.skip("c", () => {});` }, "1 passed, 0 failed, 1 skipped", 0],
    ["an error outside a test counts as failed", { "test/core/a.test.ts": `${PASS}throw new Error("outside");` }, "0 passed, 1 failed", 1],
    ["e2e is left out", { "test/core/a.test.ts": PASS, "test/e2e/x/b.test.ts": FAIL }, "1 passed, 0 failed", 0],
    [
      "a test's own output cannot forge the counts",
      { "test/core/a.test.ts": `${PASS}console.log(" 9 pass\\n 0 fail");` },
      "1 passed, 0 failed",
      0,
    ],
    ["no test at all is a failure", { "test/core/a.test.ts": testFile("expect;") }, "0 passed, 0 failed", 1],
  ])("%s", async (_, files, line, code) => {
    using dir = project({ "test/harness/keep": "", ...files });
    const ran = await sh(dir, "test.sh");
    expect({ line: lastLine(ran.stdout), code: ran.code }).toEqual({ line, code });
  });

  test("files run in the order of their names, on any file system", async () => {
    const names = ["e", "a", "d", "c/b", "f", "b", "c"].map((name) => `test/core/${name}.test.ts`);
    using dir = project({ "test/harness/keep": "", ...Object.fromEntries(names.map((name) => [name, PASS])) });
    const ran = await sh(dir, "test.sh");
    expect(ran.stdout.split("\n").filter((line) => /^test\/.*:$/.test(line))).toEqual(names.toSorted().map((name) => `${name}:`));
  });

  test("a test that blocks the event loop is killed and counts as failed", async () => {
    using dir = project({ "test/harness/keep": "", "test/core/a.test.ts": testFile('test("a", () => { for (;;) {} });') });
    const ran = await run(["/bin/sh", join(dir.path, "scripts/test.sh")], { env: { ...env, SUP_TEST_SECONDS: "1" }, cwd: dir.path });
    expect({ line: lastLine(ran.stdout), code: ran.code }).toEqual({ line: "0 passed, 1 failed", code: 124 });
  }, 20_000);
});

/** The linter needs a newer Node.js than the rest of the project. */
const linterRuns = Bun.spawnSync([join(PROJECT, "node_modules/.bin/oxlint"), "--version"]).exitCode === 0;

describe.if(linterRuns)("scripts/lint.sh", () => {
  const SAVE = "export const save = async (): Promise<void> => {};\n";
  const BAD: ReadonlyArray<readonly [what: string, text: string, rule: string]> = [
    ["a promise that nobody awaits", `${SAVE}save();`, "no-floating-promises"],
    ["a promise of the runtime that nobody awaits", 'fetch("http://localhost");', "no-floating-promises"],
    ["a promise as a condition", `${SAVE}if (save()) console.log(1);`, "no-misused-promises"],
    ["any", "export const a = (b: any): unknown => b;", "no-explicit-any"],
    ["an error swallowed without a word", `${SAVE}try { await save(); } catch {}`, "no-empty"],
    ["loose equality", "export const a = (b: unknown): boolean => b == 1;", "eqeqeq"],
    ["an unused name", "const a = 1;", "no-unused-vars"],
  ];

  test("reports a violation of each rule, with its file", async () => {
    using dir = project(Object.fromEntries(BAD.map(([, text], i) => [`src/bad${i}.ts`, text])));
    const { code, stdout } = await sh(dir, "lint.sh", "--format=unix", "src");
    const lines = stdout.split("\n");
    const unreported = BAD.filter(([, , rule], i) => !lines.some((line) => line.startsWith(`src/bad${i}.ts:`) && line.includes(rule)));
    expect(unreported).toEqual([]);
    expect(code).toBe(1);
  });

  test("accepts clean code", async () => {
    using dir = project({ "src/good.ts": `${SAVE}void save();\nawait save();` });
    expect((await sh(dir, "lint.sh", "src")).code).toBe(0);
  });
});

test.each([
  ["an old Node.js exits with 77", "v18.20.0", 1, 77, "oxlint needs Node.js 20.19 or newer (this is v18.20.0)"],
  ["an incomplete installation exits with 1", "v22.12.0", 0, 1, "install it again: npm ci"],
])("scripts/lint.sh without a linter: %s", async (_, version, tooOld, code, words) => {
  using dir = tempDir();
  cpSync(join(PROJECT, "scripts"), join(dir.path, "scripts"), { recursive: true });
  const node = `#!/bin/sh\n[ "$1" = --version ] || exit ${tooOld}\necho ${version}\n`;
  writeFileSync(join(dir.path, "node"), node, { mode: 0o755 });
  const ran = await run(["/bin/sh", join(dir.path, "scripts/lint.sh")], {
    env: { ...env, PATH: `${dir.path}:${env.PATH}` },
    cwd: dir.path,
  });
  expect(ran.stderr).toContain(words);
  expect(ran.code).toBe(code);
});

describe(".ci/run", () => {
  /** A project whose checks end with these exit codes, and whose test runs print these closing lines. */
  const ci = async (codes: Readonly<Record<string, number>>, tests: string, e2e: string): Promise<Ran> => {
    const lineAndCode = (line: string): string => `echo '${line}'${line.includes(" 0 failed") ? "" : "; exit 1"}`;
    using dir = project({
      "package.json": JSON.stringify({
        scripts: { test: lineAndCode(tests), e2e: lineAndCode(e2e), bench: "sh -c 'echo 1 passed, 0 failed'" },
      }),
      "scripts/setup.sh": "exit 0\n",
      "scripts/static-check.sh": `case $1 in\n${Object.entries(codes).map(([name, code]) => `${name}) echo "bad $1"; exit ${code} ;;\n`).join("")}esac\n`, // prettier-ignore
    });
    cpSync(join(PROJECT, ".ci"), join(dir.path, ".ci"), { recursive: true });
    return await run(["bash", join(dir.path, ".ci/run")], { env, cwd: dir.path });
  };

  test.each<[what: string, codes: Record<string, number>, tests: string, e2e: string, line: string, code: number]>([
    [
      "each of the four checks counts as one test",
      {},
      "3 passed, 0 failed",
      "2 passed, 0 failed, 1 skipped",
      "10 passed, 0 failed, 1 skipped",
      0,
    ],
    ["a check that fails counts as failed", { format: 1 }, "3 passed, 0 failed", "2 passed, 0 failed", "9 passed, 1 failed", 1],
    [
      "a linter that cannot run here is skipped",
      { lint: 77 },
      "3 passed, 0 failed",
      "2 passed, 0 failed",
      "9 passed, 0 failed, 1 skipped",
      0,
    ],
    ["the tests run although checks failed", { types: 1, lint: 1 }, "3 passed, 1 failed", "2 passed, 0 failed", "8 passed, 3 failed", 1],
    ["a part without a closing line counts as one failure", {}, "Segmentation fault", "2 passed, 0 failed", "7 passed, 1 failed", 1],
  ])("%s", async (_, codes, tests, e2e, line, code) => {
    const ran = await ci(codes, tests, e2e);
    expect({ line: lastLine(ran.stdout), code: ran.code }).toEqual({ line, code });
  });

  test("repeats what failed right above the last line", async () => {
    const { stdout } = await ci({ format: 1 }, "3 passed, 0 failed", "2 passed, 0 failed");
    expect(stdout).toEndWith("== failed in the check of format\nbad format\n9 passed, 1 failed\n");
  });
});

describe("npm run bench", () => {
  const bench = (...args: string[]): Promise<Ran> =>
    run([join(PROJECT, "node_modules/.bin/bun"), join(PROJECT, "bench/main.ts"), ...args], { env });

  test("--help lists the benchmarks", async () => {
    const { code, stdout } = await bench("--help");
    expect([...stdout.matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name)).toEqual(["comparison", "all", "units", "compare", "floor", "loss", "rolling", "logs", "many", "checks", "metrics", "forecast", "page"]); // prettier-ignore
    expect(code).toBe(0);
  });

  test("a name that does not exist fails and shows the list", async () => {
    const { code, stderr } = await bench("nonsense");
    expect(stderr).toContain('there is no benchmark "nonsense"');
    expect(stderr).toContain("forecast: ");
    expect(code).toBe(2);
  });

  test("a name runs that benchmark, and its options reach it", async () => {
    const { code, stdout } = await bench("forecast", "--seeds=1", "--shape=spike");
    expect(stdout).toContain("1 series of each shape");
    expect(stdout).toContain("| spike |");
    expect(code).toBe(0);
  });
});

describe("scripts/build.sh --if-changed", () => {
  const build = (dir: TempDir): Promise<Ran> => sh(dir, "build.sh", "--if-changed");
  const PROGRAM = "console.log(SUP_VERSION, SUP_COMMIT);\ndeclare const SUP_VERSION: string, SUP_COMMIT: string;\nexport {};\n";
  const FILES = { "src/main.ts": PROGRAM, "package.json": '{\n  "version": "1.2.3"\n}\n', "package-lock.json": "{}\n" };

  test("builds once, builds again after a change, and keeps the old executable when a build fails", async () => {
    using dir = project(FILES);
    const binary = join(dir.path, "dist/sup");
    const source = join(dir.path, "src/main.ts");
    const later = new Date(Date.now() + 3_600_000); // than any build here, however long it takes
    const save = (text: string): void => (writeFileSync(source, text), utimesSync(source, later, later));
    expect((await build(dir)).code).toBe(0);
    expect((await run([binary], { env })).stdout).toStartWith("1.2.3 ");
    expect((await build(dir)).stdout).toBe("");

    save('console.log("second");\n');
    expect((await build(dir)).code).toBe(0);
    expect((await run([binary], { env })).stdout).toBe("second\n");

    save("not a program(");
    expect((await build(dir)).code).not.toBe(0);
    expect((await run([binary], { env })).stdout).toBe("second\n");
  }, 60_000);
});

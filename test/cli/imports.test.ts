import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { COMMANDS } from "../../src/cli/table/commands.ts";

const SRC = join(import.meta.dir, "../../src");
const transpiler = new Bun.Transpiler({ loader: "ts" });

/** Packages that a file loads by its static imports, direct or indirect. Transpiling removes `import type`. */
async function packagesOf(entry: string): Promise<string[]> {
  const seen = new Set<string>([entry]);
  const packages = new Set<string>();
  for (const file of seen) {
    if (!file.endsWith(".ts")) continue;
    for (const { path, kind } of transpiler.scan(await Bun.file(file).text()).imports) {
      if (kind !== "import-statement") continue;
      if (path.startsWith(".")) seen.add(join(dirname(file), path));
      else if (!path.startsWith("node:")) packages.add(path);
    }
  }
  return [...packages];
}

const QUICK = ["status", "list", "start", "stop", "restart", "reload", "kill", "enable", "disable", "reset-failed", "is-active", "is-enabled", "is-failed", "logs", "events", "cat", "version", "token", "daemon"]; // prettier-ignore

test("finding a command loads no package: neither commander nor zod, kleur or cli-table3", async () => {
  expect(await packagesOf(join(SRC, "main.ts"))).toEqual([]);
});

test.each(QUICK)("`sup %s` loads no package", async (name) => {
  expect(COMMANDS.map((row) => row.name)).toContain(name);
  expect(await packagesOf(join(SRC, `cli/commands/${name}.ts`))).toEqual([]);
});

test("the test detects packages where they are loaded", async () => {
  expect(await packagesOf(join(SRC, "cli/parse/full-parser.ts"))).toContain("commander");
  expect(await packagesOf(join(SRC, "cli/commands/summary.ts"))).toContain("cli-table3");
  expect(await packagesOf(join(SRC, "cli/commands/verify.ts"))).toContain("zod");
});

test("only host.ts uses process.stdout and process.stderr", async () => {
  const files = [...new Bun.Glob("cli/**/*.ts").scanSync(SRC), ...new Bun.Glob("api/client/*.ts").scanSync(SRC), "main.ts"];
  const found: string[] = [];
  for (const file of files) {
    const code = (await Bun.file(join(SRC, file)).text()).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (/process\.std(out|err)|console\./.test(code)) found.push(file);
  }
  expect(found).toEqual(["cli/host.ts"]);
});

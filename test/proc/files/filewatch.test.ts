import { expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { watchFiles } from "../../../src/adapters/files/filewatch.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

interface Seen extends Disposable {
  readonly root: string;
  /** What was told so far, each time with its paths below the root. */
  readonly told: string[][];
  readonly problems: string[];
  write(name: string, text?: string): void;
  /** Waits until a change of that path was told; forgets everything told so far. */
  hears(name: string): Promise<void>;
}

function watching(paths: readonly string[], ignore: readonly string[] = [], prepare: (root: string) => void = () => {}): Seen {
  const dir = tempDir();
  prepare(dir.path);
  const told: string[][] = [];
  const problems: string[] = [];
  const stop = watchFiles({
    paths: paths.map((path) => join(dir.path, path)),
    ignore,
    debounceMs: 20,
    onChange: (changed) => void told.push(changed.map((path) => path.slice(dir.path.length + 1))),
    onProblem: (message) => void problems.push(message),
  });
  return {
    root: dir.path,
    told,
    problems,
    write: (name, text = "x") => writeFileSync(join(dir.path, name), text),
    async hears(name) {
      await until(() => told.flat().includes(name), { what: `a change of ${name}`, explain: () => JSON.stringify(told) });
      told.length = 0;
    },
    [Symbol.dispose]() {
      stop();
      dir[Symbol.dispose]();
    },
  };
}

test("a directory is watched with all below it, also what comes later", async () => {
  using seen = watching(["src"], [], (root) => mkdirSync(join(root, "src/deep"), { recursive: true }));
  seen.write("src/deep/a.ts");
  await seen.hears("src/deep/a.ts");
  mkdirSync(join(seen.root, "src/new/er"), { recursive: true });
  await seen.hears("src/new");
  seen.write("src/new/er/b.ts");
  await seen.hears("src/new/er/b.ts");
  rmSync(join(seen.root, "src/deep"), { recursive: true });
  await seen.hears("src/deep");
});

test("a file is watched through the replacement that editors make of it; its neighbours are not", async () => {
  using seen = watching(["app.conf"], [], (root) => writeFileSync(join(root, "app.conf"), "old"));
  seen.write("other.conf");
  seen.write("app.conf.tmp");
  renameSync(join(seen.root, "app.conf.tmp"), join(seen.root, "app.conf"));
  await seen.hears("app.conf");
  seen.write("app.conf", "again");
  await seen.hears("app.conf");
  seen.write("other.conf", "again");
  seen.write("app.conf", "last");
  await seen.hears("app.conf");
  expect(seen.told.flat()).not.toContain("other.conf");
});

test("a path that is not there yet is noticed when it comes", async () => {
  using seen = watching(["a/b/c"]);
  mkdirSync(join(seen.root, "a/b/c"), { recursive: true });
  await seen.hears("a");
  seen.write("a/b/c/f");
  await seen.hears("a/b/c/f");
});

test("ignored names and paths, version control and what editors leave are not told", async () => {
  const prepare = (root: string): void => {
    for (const name of ["src/.git", "src/tmp/x", "src/keep/tmp", "src/node_modules/a"]) mkdirSync(join(root, name), { recursive: true });
  };
  using seen = watching(["src"], ["*.log", "./tmp/", "keep/skip.*"], prepare);
  for (const name of [
    "a.log",
    "keep/b.log",
    "tmp/f",
    "tmp/x/f",
    "keep/skip.ts",
    ".git/HEAD",
    "node_modules/a/f",
    "a.ts~",
    ".a.ts.swp",
    "4913",
  ])
    seen.write(`src/${name}`);
  seen.write("src/keep/tmp/told");
  await until(() => seen.told.length > 0, { what: "a change" });
  expect(seen.told).toEqual([["src/keep/tmp/told"]]);
});

test("changes close together are told once; a circle of links ends", async () => {
  using seen = watching(["src"], [], (root) => {
    mkdirSync(join(root, "src"));
    symlinkSync("..", join(root, "src/loop"));
  });
  for (let n = 0; n < 50; n++) seen.write("src/f", String(n));
  await seen.hears("src/f");
  expect(seen.problems).toEqual([]);
});

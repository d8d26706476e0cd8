import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Wanted, wantPath } from "../../../src/adapters/files/dirwatch.ts";
import { watchFiles } from "../../../src/adapters/files/filewatch.ts";
import { inotifyOfTest } from "../../harness/inotify.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

interface Seen extends Disposable {
  readonly root: string;
  /** The changes reported so far, each as paths relative to the root. */
  readonly reported: string[][];
  readonly problems: string[];
  write(name: string, text?: string): void;
  /** Waits until a change of that path is reported; clears the reports. */
  hears(name: string): Promise<void>;
}

function watching(paths: readonly string[], ignore: readonly string[] = [], prepare: (root: string) => void = () => {}): Seen {
  const dir = tempDir();
  prepare(dir.path);
  const reported: string[][] = [];
  const problems: string[] = [];
  const { inotify, close } = inotifyOfTest();
  const stop = watchFiles(
    {
      paths: paths.map((path) => join(dir.path, path)),
      ignore,
      debounceMs: 20,
      onChange: (changed) => void reported.push(changed.map((path) => path.slice(dir.path.length + 1))),
      onProblem: (message) => void problems.push(message),
    },
    inotify,
  );
  return {
    root: dir.path,
    reported,
    problems,
    write: (name, text = "x") => writeFileSync(join(dir.path, name), text),
    async hears(name) {
      await until(() => reported.flat().includes(name), { what: `a change of ${name}`, explain: () => JSON.stringify(reported) });
      reported.length = 0;
    },
    [Symbol.dispose]() {
      stop();
      close();
      dir[Symbol.dispose]();
    },
  };
}

test("a directory is watched recursively, including later subdirectories", async () => {
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

test("a file stays watched when an editor replaces it; its neighbours are not watched", async () => {
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
  expect(seen.reported.flat()).not.toContain("other.conf");
});

test("a path that does not exist yet is reported when it appears", async () => {
  using seen = watching(["a/b/c"]);
  mkdirSync(join(seen.root, "a/b/c"), { recursive: true });
  await seen.hears("a");
  seen.write("a/b/c/f");
  await seen.hears("a/b/c/f");
});

test("ignored names and paths, version control and temporary files of editors are not reported", async () => {
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
  seen.write("src/keep/tmp/reported");
  await until(() => seen.reported.length > 0, { what: "a change" });
  expect(seen.reported).toEqual([["src/keep/tmp/reported"]]);
});

test("changes close together are reported once; a cycle of links does no harm", async () => {
  using seen = watching(["src"], [], (root) => {
    mkdirSync(join(root, "src"));
    symlinkSync("..", join(root, "src/loop"));
  });
  for (let n = 0; n < 50; n++) seen.write("src/f", String(n));
  await seen.hears("src/f");
  expect(seen.problems).toEqual([]);
});

/** Replaces a link in one step, as `ln -s TARGET t; mv -T t LINK` does. */
function relink(path: string, target: string): void {
  symlinkSync(target, `${path}.new`);
  renameSync(`${path}.new`, path);
}

const releases = (root: string): void => {
  for (const name of ["one", "two"]) {
    mkdirSync(join(root, "releases", name, "conf"), { recursive: true });
    writeFileSync(join(root, "releases", name, "conf/app"), name);
  }
  symlinkSync("releases/one", join(root, "current"));
};

test.each([["current/conf/app"], ["current/conf"], ["current"]])(
  "%s below a link: replacing the link is reported, and then the new release is watched and the old one is not",
  async (path) => {
    using seen = watching([path], [], releases);
    seen.write("releases/one/conf/app");
    await seen.hears("current/conf/app");
    relink(join(seen.root, "current"), "releases/two");
    await seen.hears("current");
    seen.write("releases/one/conf/app");
    seen.write("releases/two/conf/app");
    await seen.hears("current/conf/app");
    relink(join(seen.root, "current"), "releases/one");
    await seen.hears("current");
    seen.write("releases/two/conf/app");
    seen.write("releases/one/conf/app");
    await seen.hears("current/conf/app");
  },
);

test("only the release that the link leads to is watched", async () => {
  using seen = watching(["current/conf"], [], releases);
  relink(join(seen.root, "current"), "releases/two");
  await seen.hears("current");
  seen.write("releases/one/conf/app");
  seen.write("releases/two/conf/other");
  await until(() => seen.reported.length > 0, { what: "a change" });
  expect(seen.reported).toEqual([["current/conf/other"]]);
});

test("a Kubernetes ConfigMap: the file is a link through ..data, which is replaced", async () => {
  using seen = watching(["etc/app.conf"], [], (root) => {
    for (const name of ["..2027_1", "..2027_2"]) {
      mkdirSync(join(root, "etc", name), { recursive: true });
      writeFileSync(join(root, "etc", name, "app.conf"), name);
    }
    symlinkSync("..2027_1", join(root, "etc/..data"));
    symlinkSync("..data/app.conf", join(root, "etc/app.conf"));
  });
  relink(join(seen.root, "etc/..data"), "..2027_2");
  await seen.hears("etc/..data");
  rmSync(join(seen.root, "etc/..2027_1"), { recursive: true });
  seen.write("etc/..2027_2/app.conf");
  await seen.hears("etc/app.conf");
});

test("writes to the target of a link to a file are reported: a watched link, and one in a watched directory", async () => {
  using seen = watching(["app.conf", "src"], [], (root) => {
    for (const name of ["shared", "src"]) mkdirSync(join(root, name));
    for (const name of ["a", "b"]) writeFileSync(join(root, "shared", name), "x");
    symlinkSync("shared/a", join(root, "app.conf"));
    symlinkSync("../shared/b", join(root, "src/b"));
  });
  seen.write("shared/a");
  await seen.hears("app.conf");
  seen.write("shared/b");
  await seen.hears("shared/b");
  relink(join(seen.root, "app.conf"), "shared/c"); // dangling
  await seen.hears("app.conf");
  seen.write("shared/c");
  await seen.hears("app.conf");
});

test("a directory above that is replaced is reported; one whose mode changes, or a sibling, is not", async () => {
  using seen = watching(["a/b/f"], [], (root) => {
    mkdirSync(join(root, "a/b"), { recursive: true });
    writeFileSync(join(root, "a/b/f"), "x");
  });
  chmodSync(join(seen.root, "a"), 0o700);
  seen.write("a/sibling");
  renameSync(join(seen.root, "a"), join(seen.root, "old"));
  mkdirSync(join(seen.root, "a/b"), { recursive: true });
  seen.write("a/b/f");
  await until(() => seen.reported.length > 0, { what: "a change" });
  seen.reported.length = 0;
  chmodSync(join(seen.root, "a"), 0o755);
  seen.write("a/b/g");
  // The next change that counts is the first one that is reported.
  await until(
    () => {
      seen.write("a/b/f", String(Math.random()));
      return seen.reported.length > 0;
    },
    { what: "a change of the file" },
  );
  expect(seen.reported.flat()).toContain("a/b/f");
});

test("writes to other files in the directories above do not wake the watch, but writes to the watched file do", async () => {
  using seen = watching(["inner/one/config"], [], (root) => mkdirSync(join(root, "inner/one"), { recursive: true }));
  seen.write("inner/one/config");
  await seen.hears("inner/one/config");
  const wanted: Wanted = new Map();
  wantPath(wanted, join(seen.root, "inner/one/config"));
  expect(wanted.get(join(seen.root, "inner/one"))?.depth).toBe("contents");
  for (const above of [seen.root, join(seen.root, "inner"), "/"]) expect(wanted.get(above)?.depth).toBe("names");
  seen.write("inner/one/config", "changed in place");
  await seen.hears("inner/one/config");
});

import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import type { WatchDepth } from "../../../../src/linux/io/inotify.ts";
import { inotifyOfTest } from "../../../harness/inotify.ts";
import { tempDir } from "../../../harness/temp.ts";
import { until } from "../../../harness/until.ts";

function watching(depth: WatchDepth) {
  const dir = tempDir();
  const { inotify, close } = inotifyOfTest();
  const names: Array<string | null> = [];
  const watch = inotify.watch(dir.path, depth, (name) => void names.push(name));
  if (!watch.ok) throw new Error(`errno ${watch.error}`);
  return {
    ...{ inotify, names, stop: watch.value },
    at: (name: string) => join(dir.path, name),
    /** Waits until this name is reported, and returns the names reported before it. */
    async until(name: string | null): Promise<Array<string | null>> {
      await until(() => names.includes(name), { what: `a report of ${name}`, explain: () => JSON.stringify(names) });
      return [...new Set(names.splice(0, names.length))].filter((one) => one !== name);
    },
    [Symbol.dispose]() {
      close();
      dir[Symbol.dispose]();
    },
  };
}

test("names that appear, move, change their mode or disappear are reported, and writes only if asked for", async () => {
  for (const depth of ["names", "contents"] as const) {
    using seen = watching(depth);
    writeFileSync(seen.at("log"), "");
    expect(await seen.until("log")).toEqual([]);
    appendFileSync(seen.at("log"), "a line\n");
    mkdirSync(seen.at("directory"));
    expect(await seen.until("directory")).toEqual(depth === "contents" ? ["log"] : []);
    renameSync(seen.at("log"), seen.at("old"));
    expect(await seen.until("old")).toEqual(["log"]);
    chmodSync(seen.at("old"), 0o600);
    await seen.until("old");
    rmSync(seen.at("old"));
    expect(await seen.until("old")).toEqual([]);
  }
});

test("the end of the directory itself is reported as null", async () => {
  using seen = watching("names");
  mkdirSync(seen.at("inner"));
  const inner: Array<string | null> = [];
  expect(seen.inotify.watch(seen.at("inner"), "names", (name) => void inner.push(name)).ok).toBe(true);
  rmSync(seen.at("inner"), { recursive: true });
  await until(() => inner.includes(null), { what: "the end of the directory" });
});

test("two watches of one directory have one watch of the kernel, which ends with the last", async () => {
  using seen = watching("names");
  const other: Array<string | null> = [];
  const second = seen.inotify.watch(seen.at("."), "contents", (name) => void other.push(name));
  writeFileSync(seen.at("a"), "");
  await seen.until("a");
  expect(other).toContain("a");
  seen.stop();
  writeFileSync(seen.at("b"), "");
  await until(() => other.includes("b"), { what: "the other watch" });
  expect(seen.names).toEqual([]);
  if (second.ok) second.value();
  // The directory can be watched again after its last watch ended.
  const again: Array<string | null> = [];
  seen.inotify.watch(seen.at("."), "names", (name) => void again.push(name));
  writeFileSync(seen.at("c"), "");
  await until(() => again.includes("c"), { what: "the new watch" });
  expect(other).not.toContain("c");
});

test("a directory that does not exist, or is a file, is an error", () => {
  using seen = watching("names");
  writeFileSync(seen.at("file"), "");
  expect(seen.inotify.watch(seen.at("nothing"), "names", () => {})).toEqual({ ok: false, error: 2 });
  expect(seen.inotify.watch(seen.at("file"), "names", () => {})).toEqual({ ok: false, error: 20 });
});

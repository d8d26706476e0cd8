import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { availableMib } from "../../../../src/linux/proc/available-memory.ts";
import { tempDir } from "../../../harness/temp.ts";

const MIB = 1024 * 1024;

/** Creates the files of a fake machine. */
function machine(root: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const meminfo = "MemTotal:       16000000 kB\nMemFree:          100 kB\nMemAvailable:    2048000 kB\n";
const group = (max: string, usedMib: number, idleMib: number): Record<string, string> => ({
  "memory.max": `${max}\n`,
  "memory.current": `${usedMib * MIB}\n`,
  "memory.stat": `anon 5\nfile 7\ninactive_file ${idleMib * MIB}\n`,
});
const at = (path: string, files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`sys/fs/cgroup${path}/${name}`, text]));

test("the available memory of this machine is below its total", () => {
  expect(availableMib()).toBeWithin(1, totalmem() / MIB);
});

test.each<[string, Record<string, string>, number | null]>([
  ["no cgroups", { "proc/meminfo": meminfo }, 2000],
  ["cgroups without limits", { "proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", ...at("/a", group("max", 90, 0)) }, 2000],
  [
    "a limit of our own cgroup",
    { "proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", ...at("/a/b", group(`${500 * MIB}`, 300, 50)) },
    250,
  ],
  [
    "a limit of a parent cgroup",
    { "proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", ...at("/a", group(`${100 * MIB}`, 90, 0)) },
    10,
  ],
  ["a container", { "proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", ...at("", group(`${64 * MIB}`, 70, 0)) }, 0],
  ["no files", {}, null],
])("%s", (_, files, wanted) => {
  using dir = tempDir();
  expect(availableMib(machine(dir.path, files))).toBe(wanted);
});

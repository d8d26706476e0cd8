import { expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openUnitSource } from "../../../src/adapters/files/unitdir.ts";
import { inotifyOfTest } from "../../harness/inotify.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

function write(path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

test("the main file comes from the earliest directory; drop-ins of all merge, those of later directories first, in name order", () => {
  using dir = tempDir();
  const [one, two] = [join(dir.path, "one"), join(dir.path, "two")];
  write(join(one, "web.unit.json"), "one");
  write(join(two, "web.unit.json"), "two");
  write(join(two, "db@.unit.json"), "template");
  write(join(one, "web.unit.json.d", "20.json"), "one 20");
  write(join(one, "web.unit.json.d", "10.json"), "one 10");
  write(join(two, "web.unit.json.d", "30.json"), "two 30");
  write(join(two, "lonely.unit.json.d", "10.json"), "belongs to nobody");
  const { units, unreadable } = openUnitSource([one, two, join(dir.path, "not there")]).snapshot();
  expect(unreadable).toEqual([]);
  expect(units.map(({ id, main, dropIns }) => [id, main.text, dropIns.map((dropIn) => dropIn.text)])).toEqual([
    ["db@", "template", []],
    ["web", "one", ["two 30", "one 10", "one 20"]],
  ]);
  expect(units[1]!.main.path).toBe(join(one, "web.unit.json"));
});

test("hidden files and temporary files of editors are ignored; links are followed", () => {
  using dir = tempDir();
  const units = join(dir.path, "units");
  for (const name of [
    ".#web.unit.json",
    ".web.unit.json.swp",
    "web.unit.json~",
    "#web.unit.json#",
    "web.unit.json.bak",
    "README.md",
    "web.json",
  ]) {
    write(join(units, name), "no unit");
  }
  write(join(units, "web.unit.json.d", ".10.json"), "hidden");
  write(join(units, "web.unit.json.d", "10.json~"), "backup");
  write(join(dir.path, "elsewhere"), "linked");
  symlinkSync("../elsewhere", join(units, "web.unit.json"));
  const found = openUnitSource([units]).snapshot();
  expect(found.units).toEqual([{ id: "web", main: { path: join(units, "web.unit.json"), text: "linked" }, dropIns: [] }]);
  expect(found.unreadable).toEqual([]);
});

test("a link to /dev/null masks the unit, also one of a later directory, and a drop-in of a later directory", () => {
  using dir = tempDir();
  const [one, two] = [join(dir.path, "one"), join(dir.path, "two")];
  write(join(one, "web.unit.json"), "web");
  write(join(two, "db.unit.json"), "hidden by the link");
  write(join(one, "db.unit.json.d", "10.json"), "of a masked unit");
  symlinkSync("/dev/null", join(one, "db.unit.json"));
  symlinkSync("/dev/null", join(two, "web.unit.json")); // hidden by the file of the earlier directory
  symlinkSync("../../../../../../../../dev/null", join(one, "job@.unit.json"));
  write(join(two, "web.unit.json.d", "10.json"), "hidden by the link");
  write(join(two, "web.unit.json.d", "20.json"), "two 20");
  mkdirSync(join(one, "web.unit.json.d"));
  symlinkSync("/dev/null", join(one, "web.unit.json.d", "10.json"));
  const found = openUnitSource([one, two]).snapshot();
  expect(found.unreadable).toEqual([]);
  expect(found.masked).toEqual([
    { id: "db", path: join(one, "db.unit.json") },
    { id: "job@", path: join(one, "job@.unit.json") },
  ]);
  expect(found.units.map(({ id, main, dropIns }) => [id, main.text, dropIns.map((dropIn) => dropIn.text)])).toEqual([
    ["web", "web", ["two 20"]],
  ]);
});

test("an unreadable file is reported with its cause and hides no other file", () => {
  using dir = tempDir();
  const [units, later] = [join(dir.path, "units"), join(dir.path, "later")];
  write(join(units, "good.unit.json"), "\uFEFFgood");
  write(join(units, "-bad.unit.json"), "{}");
  write(join(units, "big.unit.json"), Buffer.alloc((1 << 20) + 1, " "));
  write(join(units, "fits.unit.json"), Buffer.alloc(1 << 20, " "));
  write(join(units, "latin.unit.json"), Buffer.from([0xe4]));
  write(join(later, "latin.unit.json"), "must not come forward");
  mkdirSync(join(units, "dir.unit.json"));
  symlinkSync("nowhere", join(units, "dangling.unit.json"));
  expect(Bun.spawnSync(["mkfifo", join(units, "fifo.unit.json")]).exitCode).toBe(0);
  write(join(dir.path, "file"), "");
  const found = openUnitSource([units, later, join(dir.path, "file")]).snapshot();
  expect(found.units.map(({ id, main }) => [id, main.text.trim()])).toEqual([
    ["fits", ""],
    ["good", "good"],
  ]);
  const causes = new Map(found.unreadable.map(({ path, message }) => [path.slice(dir.path.length + 1), message]));
  expect([...causes.keys()].sort()).toEqual(
    ["file", ...["-bad", "big", "dangling", "dir", "fifo", "latin"].map((id) => `units/${id}.unit.json`)].sort(),
  );
  expect(causes.get("units/-bad.unit.json")).toContain('"-bad" is not a valid unit name');
  expect(causes.get("units/big.unit.json")).toContain("larger than 1 MiB");
  expect(causes.get("units/latin.unit.json")).toContain("not UTF-8");
  expect(causes.get("units/dir.unit.json")).toContain("a directory");
  expect(causes.get("units/fifo.unit.json")).toContain("not a regular file");
  expect(causes.get("file")).toContain("not a directory");
});

/** Watches and counts the calls. */
function watching(directory: string, quietMs = 20): { changes: number; problems: string[] } & Disposable {
  const problems: string[] = [];
  const { inotify, close } = inotifyOfTest();
  const source = openUnitSource([directory], { inotify, onProblem: (message) => problems.push(message), quietMs });
  const seen = { changes: 0, problems, [Symbol.dispose]: () => (stop(), close()) };
  const stop = source.watch(() => seen.changes++);
  return seen;
}

test("files and drop-ins that appear, change, are replaced or disappear are reported", async () => {
  using dir = tempDir();
  using seen = watching(dir.path);
  const path = join(dir.path, "web.unit.json");
  const steps: Array<[what: string, step: () => void]> = [
    ["a new file", () => write(path, "1")],
    ["a change", () => write(path, "2")],
    ["a replacement", () => (write(join(dir.path, ".tmp"), "3"), renameSync(join(dir.path, ".tmp"), path))],
    ["a first drop-in", () => write(`${path}.d/10.json`, "{}")],
    ["a second drop-in", () => write(`${path}.d/20.json`, "{}")],
    ["a changed drop-in", () => write(`${path}.d/20.json`, "{ }")],
    ["the end of the drop-ins", () => rmSync(`${path}.d`, { recursive: true })],
    ["drop-ins again", () => write(`${path}.d/30.json`, "{}")],
    ["the end of the file", () => rmSync(path)],
  ];
  for (const [what, step] of steps) {
    const before = seen.changes;
    step();
    await until(() => seen.changes > before, { what });
    await settled(seen);
  }
  expect(seen.problems).toEqual([]);
});

/** Waits until no change is reported for longer than the debounce time, so that the next report belongs to the next step. */
async function settled(seen: { changes: number }, quietMs = 60): Promise<void> {
  let last = seen.changes;
  let since = performance.now();
  const quiet = (): boolean => {
    if (seen.changes !== last) [last, since] = [seen.changes, performance.now()];
    return performance.now() - since > quietMs;
  };
  await until(quiet, { what: "quiet" });
}

test("many changes at once are reported once, and an irrelevant file not at all", async () => {
  using dir = tempDir();
  using seen = watching(dir.path, 200);
  for (let i = 0; i < 100; i++) write(join(dir.path, `u${i}.unit.json`), "{}");
  await until(() => seen.changes > 0, { what: "the change" });
  await settled(seen, 450);
  expect(seen.changes).toBe(1);
  write(join(dir.path, ".hidden.unit.json.swp"), "x");
  write(join(dir.path, "notes.txt"), "x");
  write(join(dir.path, "last.unit.json"), "x");
  await until(() => seen.changes > 1, { what: "the change" });
  await settled(seen, 450);
  expect(seen.changes).toBe(2);
});

test("changes that never stop are still reported, after a second", async () => {
  using dir = tempDir();
  using seen = watching(dir.path, 800);
  const timer = setInterval(() => write(join(dir.path, "web.unit.json"), "x"), 20);
  try {
    await until(() => seen.changes > 0, { what: "a call while changes go on" });
  } finally {
    clearInterval(timer);
  }
});

test("a directory that does not exist yet, nor its parents, is reported when it appears", async () => {
  using dir = tempDir();
  const units = join(dir.path, "config", "sup", "units");
  using seen = watching(units);
  write(join(units, "web.unit.json"), "1");
  await until(() => seen.changes > 0, { what: "the new directory" });
  await settled(seen);
  const before = seen.changes;
  write(join(units, "web.unit.json"), "2");
  await until(() => seen.changes > before, { what: "a change in it" });
});

test("a directory may be deleted and created again, or replaced by another", async () => {
  using dir = tempDir();
  const units = join(dir.path, "units");
  mkdirSync(units);
  using seen = watching(units);
  for (let round = 1; round <= 3; round++) {
    let before = seen.changes;
    if (round === 3) renameSync(units, `${units}.old`);
    else rmSync(units, { recursive: true });
    await until(() => seen.changes > before, { what: `the end of the directory, round ${round}` });
    await settled(seen);
    before = seen.changes;
    mkdirSync(units);
    write(join(units, "web.unit.json"), "1");
    await until(() => seen.changes > before, { what: `the new directory, round ${round}` });
    await settled(seen);
    before = seen.changes;
    write(join(units, "web.unit.json"), "2");
    await until(() => seen.changes > before, { what: `a change in the new directory, round ${round}` });
  }
});

test("a directory that is deleted and at once created again stays watched", async () => {
  using dir = tempDir();
  const units = join(dir.path, "units");
  mkdirSync(units);
  using seen = watching(units);
  for (let round = 1; round <= 3; round++) {
    let before = seen.changes;
    rmSync(units, { recursive: true });
    mkdirSync(units);
    await until(() => seen.changes > before, { what: `the new directory, round ${round}` });
    await settled(seen);
    before = seen.changes;
    write(join(units, "web.unit.json"), "1");
    await until(() => seen.changes > before, { what: `a change in the new directory, round ${round}` });
    await settled(seen);
  }
});

test("after the stop nothing is reported", async () => {
  using dir = tempDir();
  const seen = watching(dir.path);
  using other = watching(dir.path);
  seen[Symbol.dispose]();
  write(join(dir.path, "web.unit.json"), "1");
  await until(() => other.changes > 0, { what: "the other watch" });
  expect(seen.changes).toBe(0);
});

test("a unit directory below a link, and a unit file that is a link through another one, are watched at their real places", async () => {
  using dir = tempDir();
  const { inotify, close } = inotifyOfTest();
  const at = (name: string): string => join(dir.path, name);
  for (const name of ["one", "two"]) write(at(`${name}/units/web.unit.json`), name);
  for (const name of ["..1", "..2"]) write(at(`map/${name}/db.unit.json`), name);
  symlinkSync("one", at("current"));
  symlinkSync("..1", at("map/..data"));
  symlinkSync("..data/db.unit.json", at("map/db.unit.json"));
  const source = openUnitSource([at("current/units"), at("map")], { inotify, quietMs: 10 });
  let changes = 0;
  const stop = source.watch(() => changes++);
  const texts = (): string[] => source.snapshot().units.map(({ main }) => main.text);
  const heard = async (what: string): Promise<void> => {
    await until(() => changes > 0, { what });
    changes = 0;
  };
  const relink = (name: string, target: string): void => {
    symlinkSync(target, at(`${name}.new`));
    renameSync(at(`${name}.new`), at(name));
  };
  try {
    relink("current", "two");
    await heard("the link of the directory");
    relink("map/..data", "..2");
    await heard("the link of the file");
    expect(texts()).toEqual(["..2", "two"]);
    write(at("two/units/web.unit.json"), "new");
    await heard("the unit in the new directory");
    write(at("map/..2/db.unit.json"), "newer");
    await heard("the target of the unit file");
    expect(texts()).toEqual(["newer", "new"]);
  } finally {
    stop();
    close();
  }
});

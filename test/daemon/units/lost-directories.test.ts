/** What cannot be read is not gone. */
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openUnitSource } from "../../../src/adapters/files/unitdir.ts";
import { UnitCatalog } from "../../../src/daemon/units/unit-catalog.ts";
import { tempDir } from "../../harness/temp.ts";

const unit = (args: string[]): string => JSON.stringify({ command: "serve", args });

/** Two directories with one unit each; the first also has a drop-in for the second's unit, and a template with an instance. */
function rig(path: string) {
  const [one, two] = [join(path, "one"), join(path, "two")];
  for (const directory of [one, two, join(one, "db.unit.json.d")]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(one, "web.unit.json"), unit(["1"]));
  writeFileSync(join(one, "t@.unit.json"), unit(["%i"]));
  writeFileSync(join(two, "db.unit.json"), unit(["1"]));
  writeFileSync(join(two, "other.unit.json"), unit(["1"]));
  writeFileSync(join(one, "db.unit.json.d", "10.json"), JSON.stringify({ args: ["drop-in"] }));
  const catalog = new UnitCatalog(openUnitSource([one, two]));
  const refresh = (force = false): void => catalog.refresh(["t@a"], force);
  refresh();
  catalog.takeTemplates();
  for (const id of catalog.fresh()) catalog.take(id);
  const plan = (): string[] =>
    catalog.plan({ isUp: () => true, isEnabled: () => false }).map(({ id, change, action }) => `${id} ${change} ${action}`);
  return { one, two, catalog, refresh, plan };
}

for (const [what, ruin] of [
  ["a loop of links", (path: string) => symlinkSync(path, path)],
  ["a file", (path: string) => writeFileSync(path, "")],
  ["missing", () => {}],
] as const) {
  test(`units of a directory that is ${what} stay as they are, also with drop-ins from there; others are reloaded`, () => {
    using temp = tempDir();
    const { one, two, catalog, refresh, plan } = rig(temp.path);
    renameSync(one, `${one}.away`);
    ruin(one);
    writeFileSync(join(two, "other.unit.json"), unit(["2"]));
    refresh();
    expect(plan()).toEqual(["other changed restart"]);
    expect(catalog.problems().map(({ file, severity }) => [file, severity])).toEqual([[one, "error"]]);
    expect(catalog.onDisk("web")).toEqual({ changed: false, removed: false, problems: [] });
    catalog.takeTemplates();
    expect(catalog.preview("t@b")).toBeDefined();

    rmSync(one, { force: true });
    renameSync(`${one}.away`, one);
    refresh();
    expect({ plan: plan(), problems: catalog.problems() }).toEqual({ plan: ["other changed restart"], problems: [] });
  });
}

test("a directory that is missing is empty only on request, one that cannot be read never", () => {
  using temp = tempDir();
  const { one, catalog, refresh, plan } = rig(temp.path);
  rmSync(one, { recursive: true });
  refresh();
  expect(catalog.problems()[0]).toMatchObject({ message: expect.stringContaining("its 3 units stay as before"), file: one });
  refresh(true);
  expect(plan()).toEqual(["db changed restart", "t@a removed stop", "web removed stop"]);
  expect(catalog.problems()).toEqual([]);
  writeFileSync(one, "");
  refresh(true);
  expect(plan()).toEqual([]);
});

test("a directory of drop-ins that cannot be read makes its unit broken, not changed", () => {
  using temp = tempDir();
  const { one, refresh, plan } = rig(temp.path);
  rmSync(join(one, "db.unit.json.d"), { recursive: true });
  symlinkSync("db.unit.json.d", join(one, "db.unit.json.d"));
  refresh();
  expect(plan()).toEqual(["db broken keep"]);
});

/** The sample units teach: they must load without an error or a warning, and say what they are for. */
import { expect, test } from "bun:test";
import { basename, dirname } from "node:path";
import type { UnitSnapshot } from "../../src/ports/files.ts";
import { loadSnapshot } from "../../src/spec/load/load.ts";
import { readTree, type Tree } from "./tree.ts";

const tree = readTree();
const directories = [...new Set([...tree.keys()].filter((path) => path.endsWith(".unit.json") && path.startsWith("units/")).map(dirname))];

test("there are sample units and examples", () => expect(directories.toSorted()).toEqual(["units", "units/examples"]));

test.each(directories)("the units of %s load without a problem", (directory) => {
  const { loaded, problems } = loadSnapshot(snapshotOf(tree, directory));
  expect([...problems]).toEqual([]);
  expect(loaded.size).toBeGreaterThan(2);
  for (const [id, { spec, warnings }] of loaded) {
    expect({ id, warnings, said: spec.description.length > 10 }).toEqual({ id, warnings: [], said: true });
  }
});

function snapshotOf(files: Tree, directory: string): UnitSnapshot {
  const units = [...files]
    .filter(([path]) => dirname(path) === directory && path.endsWith(".unit.json"))
    .map(([path, text]) => ({ id: basename(path, ".unit.json"), main: { path, text }, dropIns: [] }));
  return { units, unreadable: [], masked: [] };
}

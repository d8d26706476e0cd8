/** The project held to its own rules (ARCHITECTURE.md). Each check has tests of its own in checks.test.ts. */
import { expect, test } from "bun:test";
import { findCircles } from "./circles.ts";
import { findDead } from "./dead.ts";
import { checkLockFile, checkScenarios, checkVersions } from "./project.ts";
import { checkPaths } from "./paths.ts";
import { checkRings } from "./rings.ts";
import { checkSize } from "./size.ts";
import { checkText } from "./text.ts";
import { readTree, report, type Finding } from "./tree.ts";
import { checkTypesOnly } from "./types-only.ts";
import { checkWords } from "./words.ts";

const tree = readTree();
const clean = (findings: readonly Finding[]): void => expect(report(findings)).toBe("");

test("the tree under test is the project", () => {
  expect([...tree.keys()]).toContain("src/base/result.ts");
  expect(tree.size).toBeGreaterThan(50);
});
test("rooms import only the rooms that the rings allow, and packages only in their homes", () => clean(checkRings(tree)));
test("no files under src import each other in a circle", () => clean(findCircles(tree)));
test("pure rooms use no clock, chance or runtime, and only linux touches processes", () => clean(checkWords(tree)));
test("ports hold types only", () => clean(checkTypesOnly(tree)));
test("no file and no function is longer than the limit without a stated reason", () => clean(checkSize(tree)));
test("every file under src is reached from an entry point", () => clean(findDead(tree)));
test("no `any`, no notes to self, no address of somebody's workplace", () => clean(checkText(tree)));
test("the lock file holds no registry's address", () => clean(checkLockFile(tree.get("package-lock.json")!)));
test("package.json names exact versions", () => clean(checkVersions(tree.get("package.json")!)));
test("every end-to-end scenario has a test", () => clean(checkScenarios(tree)));
test("every path that a document mentions exists", () => clean(checkPaths(tree)));

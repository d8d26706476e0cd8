import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "../../harness/run.ts";

const PAGES = resolve(import.meta.dir, "../../../docs/man");
const mandoc = Bun.which("mandoc");
if (!mandoc) console.error("skipped: mandoc is not installed; scripts/e2e.sh installs it as root");

// The date of a page would be another at every release, and the page is made from the source alone.
test.skipIf(!mandoc)("mandoc has nothing to say about the man pages, but that they have no date", async () => {
  const pages = readdirSync(PAGES);
  expect(pages.toSorted()).toEqual(["sup.1", "sup.unit.5"]);
  for (const page of pages) {
    const { stdout } = await run([mandoc!, "-T", "lint", "-W", "warning", join(PAGES, page)]);
    expect(stdout.split("\n").filter((line) => line !== "" && !line.includes("missing date"))).toEqual([]);
  }
});

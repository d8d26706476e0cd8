import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "../../harness/run.ts";

const PAGES = resolve(import.meta.dir, "../../../docs/man");
const mandoc = Bun.which("mandoc");
if (!mandoc) console.error("skipped: mandoc is not installed; scripts/e2e.sh installs it as root");

// The pages have no date: they are generated from the source only, and a date would change with every release.
test.skipIf(!mandoc)("mandoc finds nothing in the man pages but the missing date", async () => {
  const pages = readdirSync(PAGES);
  expect(pages.toSorted()).toEqual(["sup.1", "sup.unit.5"]);
  for (const page of pages) {
    const { stdout } = await run([mandoc!, "-T", "lint", "-W", "warning", join(PAGES, page)]);
    expect(stdout.split("\n").filter((line) => line !== "" && !line.includes("missing date"))).toEqual([]);
  }
});

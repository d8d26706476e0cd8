/**
 * `npm run generate`: generates documents from the source, so that they cannot contradict the source. With `--check` it writes
 * nothing, and fails if a document is out of date.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { apiReference } from "../src/api/documents/api-reference.ts";
import { manPage } from "../src/cli/help/man-page.ts";
import { machineDiagram } from "../src/core/unit/diagram.ts";
import { unitManPage } from "../src/spec/documents/unit-man.ts";
import { unitReference } from "../src/spec/documents/unit-reference.ts";
import { scalingCharts } from "./scaling-charts.ts";

const root = resolve(import.meta.dir, "..");

/** For each path, a function that turns the file's current text into the new text. */
const documents: Readonly<Record<string, (current: string) => string>> = {
  "docs/units.md": () => unitReference(),
  "docs/api.md": () => apiReference(),
  "docs/man/sup.1": () => manPage(),
  "docs/man/sup.unit.5": () => unitManPage(),
  ...Object.fromEntries(Object.entries(scalingCharts()).map(([path, svg]) => [path, () => svg])),
  "ARCHITECTURE.md": (current) => between(current, "machine", `\`\`\`text\n${machineDiagram().trimEnd()}\n\`\`\``),
};

const check = process.argv.includes("--check");
let stale = 0;
for (const [path, make] of Object.entries(documents)) {
  const current = readOrEmpty(`${root}/${path}`);
  const wanted = `${make(current).trimEnd()}\n`;
  if (wanted === current) continue;
  stale++;
  if (check) console.error(`${path} is out of date${firstDifference(current, wanted)}; run: npm run generate`);
  else {
    mkdirSync(dirname(`${root}/${path}`), { recursive: true });
    writeFileSync(`${root}/${path}`, wanted);
    console.log(`wrote ${path}`);
  }
}
if (check && stale > 0) process.exit(1);

/** Replaces the text between `<!-- NAME:begin … -->` and `<!-- NAME:end -->`. */
function between(text: string, name: string, content: string): string {
  const marks = new RegExp(`(<!-- ${name}:begin[^>]*-->\\n)[^]*?(\\n?<!-- ${name}:end -->)`);
  if (!marks.test(text)) throw new Error(`cannot generate: the marks <!-- ${name}:begin --> and <!-- ${name}:end --> are missing`);
  return text.replace(marks, (_, begin: string) => `${begin}\n${content}\n\n<!-- ${name}:end -->`);
}

function firstDifference(current: string, wanted: string): string {
  const [a, b] = [current.split("\n"), wanted.split("\n")];
  const line = b.findIndex((text, i) => text !== a[i]);
  return line < 0 ? "" : ` (line ${line + 1})`;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

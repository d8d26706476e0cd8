/** Writes results of benchmarks into the documents, and their charts into docs/performance. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const DOCS = resolve(import.meta.dir, "../docs");
/** The directory of the charts, as the documents name it. */
export const CHARTS = "performance";

export function writeCharts(charts: ReadonlyArray<readonly [file: string, svg: string]>): void {
  mkdirSync(join(DOCS, CHARTS), { recursive: true });
  for (const [file, svg] of charts) writeFileSync(join(DOCS, CHARTS, file), svg);
}

/** Replaces the part of the document that the benchmark `name` wrote earlier. */
export function writeSection(document: "comparison.md" | "performance.md", name: string, text: string): void {
  const path = join(DOCS, document);
  writeFileSync(path, withSection(readFileSync(path, "utf8"), name, text));
}

/** Returns the document with another text between the two comments of the benchmark. Throws if they are not there. */
export function withSection(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- written by: npm run bench -- ${name} --write -->`, `<!-- end of ${name} -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`cannot write the result: the document has no "${begin}" with "${end}" below it`);
  return `${document.slice(0, from)}${begin}\n\n${text}\n\n${document.slice(to)}`;
}

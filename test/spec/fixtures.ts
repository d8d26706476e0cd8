import type { UnitFiles } from "../../src/ports/files.ts";
import { type Loaded, loadUnit } from "../../src/spec/load/load.ts";
import { formatProblem, type Problem } from "../../src/spec/parse/problems.ts";

export const unitFiles = (id: string, main: string | object, ...dropIns: Array<string | object>): UnitFiles => ({
  id,
  main: { path: `/u/${id}.unit.json`, text: textOf(main) },
  dropIns: dropIns.map((text, index) => ({ path: `/u/${id}.unit.json.d/${index}.json`, text: textOf(text) })),
});

const textOf = (file: string | object): string => (typeof file === "string" ? file : JSON.stringify(file));

/** Loads what must be right. */
export function good(main: string | object, id = "web", ...dropIns: Array<string | object>): Loaded {
  const result = loadUnit(unitFiles(id, main, ...dropIns));
  if (!result.ok) throw new Error(result.problems.map((problem) => formatProblem(problem)).join("\n"));
  return result.loaded;
}

/** Loads what must be wrong. */
export function bad(main: string | object, id = "web", ...dropIns: Array<string | object>): readonly Problem[] {
  const result = loadUnit(unitFiles(id, main, ...dropIns));
  if (result.ok) throw new Error("it was accepted");
  return result.problems;
}

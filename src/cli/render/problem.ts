import type { ProblemShape } from "../../api/contract/shapes.ts";
import { formatProblem } from "../../spec/parse/problems.ts";
import type { Paint } from "./paint.ts";
import { safe } from "./safe.ts";

/** `file:line: error: …` as compilers print it, then the source line with a caret when the text is known, then the hint. */
export function describeProblem(problem: ProblemShape, paint: Paint, text?: string): string {
  const [first = "", ...rest] = formatProblem(problem, text).split("\n").map(safe);
  return [paint(problem.severity === "error" ? "red" : "yellow", first), ...rest].join("\n");
}

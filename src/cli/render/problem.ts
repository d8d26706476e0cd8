import type { ProblemShape } from "../../api/contract/shapes.ts";
import { formatProblem } from "../../spec/parse/problems.ts";
import type { Paint } from "./paint.ts";
import { safe } from "./safe.ts";

/**
 * Formats a problem as compilers do, as `file:line: error: …`. If `text`, the file's content, is given, adds the source line with
 * a caret. Adds the hint at the end.
 */
export function describeProblem(problem: ProblemShape, paint: Paint, text?: string): string {
  const [first = "", ...rest] = formatProblem(problem, text).split("\n").map(safe);
  return [paint(problem.severity === "error" ? "red" : "yellow", first), ...rest].join("\n");
}

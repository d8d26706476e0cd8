import { fileProblem, type Problem } from "../../spec/parse/problems.ts";

/** Returns the problem of a unit directory that does not exist any more. `count` is the number of its units, which stay in use. */
export const missingProblem = (directory: string, count: number): Problem =>
  fileProblem(directory, {
    message: `cannot read the directory ${directory}: it does not exist; ${count === 1 ? "its unit stays" : `its ${count} units stay`} as before`,
    hint: "if it was removed on purpose, `sup reload --force` stops and forgets them",
  });

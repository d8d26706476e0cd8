import { EXIT } from "../../api/contract/errors.ts";
import { checkUnits } from "../requests/check-units.ts";
import type { Run } from "../context.ts";

export const run: Run = (context) =>
  checkUnits(context, {
    word: ({ state }) => state,
    passes: ({ state }) => state === "failed" || state === "fatal",
    masked: "stopped",
    exitCode: EXIT.failed,
  });

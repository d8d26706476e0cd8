import { EXIT } from "../../api/contract/errors.ts";
import { checkUnits } from "../requests/check-units.ts";
import type { Run } from "../context.ts";

export const run: Run = (context) =>
  checkUnits(context, {
    word: ({ enabled }) => (enabled ? "enabled" : "disabled"),
    passes: ({ enabled }) => enabled,
    masked: "masked",
    exitCode: EXIT.failed,
  });

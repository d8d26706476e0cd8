import { EXIT } from "../../api/contract/errors.ts";
import { checkUnits } from "../requests/check-units.ts";
import type { Run } from "../context.ts";

export const run: Run = (context) =>
  checkUnits(context, {
    word: (service) => service.state,
    passes: (service) => service.state === "running",
    masked: "stopped",
    exitCode: EXIT.notRunning,
  });

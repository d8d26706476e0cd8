import { EXIT } from "../../api/contract/errors.ts";
import { ask } from "../requests/check-units.ts";
import type { Run } from "../context.ts";

export const run: Run = (context) =>
  ask(context, { word: (service) => service.state, yes: (service) => service.state === "running", no: EXIT.notRunning });

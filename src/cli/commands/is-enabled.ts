import { EXIT } from "../../api/contract/errors.ts";
import { ask } from "../requests/check-units.ts";
import type { Run } from "../context.ts";

export const run: Run = (context) =>
  ask(context, { word: ({ enabled }) => (enabled ? "enabled" : "disabled"), yes: ({ enabled }) => enabled, no: EXIT.failed });

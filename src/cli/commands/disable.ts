import { runAction } from "../requests/run-action.ts";
import type { Run } from "../context.ts";

export const run: Run = (context) => runAction(context, "disable");

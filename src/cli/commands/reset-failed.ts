import { act } from "../input/act.ts";
import type { Run } from "../context.ts";

export const run: Run = (context) => act(context, "reset-failed");

import { signalNumber } from "../../base/signals.ts";
import { runAction } from "../requests/run-action.ts";
import type { Run } from "../context.ts";

export const run: Run = async (context) => {
  const signal = context.options.signal ?? "SIGTERM";
  if (signalNumber(signal) === undefined) {
    return context.fail({ code: "bad-request", message: `there is no signal ${signal}`, hint: "`kill -l` lists them: TERM, HUP, USR1 …" });
  }
  return runAction(context, "kill", { signal });
};

/** Delivers messages on channels of every type. The code is loaded at the first message, because most daemons never send one. */
import type { Notifier } from "../../ports/notifier.ts";
import type { ExecDeps } from "./exec.ts";

export interface NotifierOptions extends ExecDeps {
  /** Version of sup, for the User-Agent `sup/VERSION`. */
  readonly version: string;
}

export function openNotifier(options: NotifierOptions): Notifier {
  const agent = `sup/${options.version}`;
  return {
    send: async (attempt) => (await import("./delivery.ts")).deliver(attempt, options, agent),
    beat: async (heartbeat, signal) => (await import("./delivery.ts")).beat(heartbeat, agent, signal),
  };
}

import { signalName } from "../../base/signals.ts";
import type { Unit } from "../../core/unit/record.ts";
import { reasonOf } from "../../core/unit/settle.ts";

/** Returns the variables that systemd sets for ExecStopPost= commands. See systemd.exec(5), "Environment Variables Set or Propagated". */
export function hookVariables(unit: Unit | undefined): Record<string, string> {
  const end = unit?.ending;
  if (!end) return {};
  const variables = { SERVICE_RESULT: reasonOf(end) === "operator" ? "success" : reasonOf(end) };
  if (end.exit?.kind === "code") return { ...variables, EXIT_CODE: "exited", EXIT_STATUS: String(end.exit.code) };
  if (end.exit?.kind !== "signal") return variables;
  return { ...variables, EXIT_CODE: end.exit.core ? "dumped" : "killed", EXIT_STATUS: signalName(end.exit.signal).replace(/^SIG/, "") };
}

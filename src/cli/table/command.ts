import type { Run } from "../context.ts";
import type { CommandRow } from "./command-row.ts";

export interface Command extends CommandRow {
  /** Imports the code of the command on demand, so that each command loads only its own code. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

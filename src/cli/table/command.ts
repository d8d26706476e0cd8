import type { Run } from "../context.ts";
import type { CommandRow } from "./command-row.ts";

export interface Command extends CommandRow {
  /** Imports the command lazily, so that a command loads only its own code. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

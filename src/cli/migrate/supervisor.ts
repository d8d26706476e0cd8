import type { ApiError } from "../../api/contract/errors.ts";
import type { Result } from "../../base/result.ts";
import type { Imported } from "../../convert/import/types.ts";
import type { Host } from "../host.ts";

/** What is moved in one step: a program of supervisord with all its processes, a group of programs, or an app of PM2. */
export interface Program {
  readonly name: string;
  readonly processes: readonly ProgramProcess[];
  /** Why the program would not stay stopped, or null. */
  readonly obstacle: string | null;
}

export interface ProgramProcess {
  /** The name as in `ImportedUnit.processes`. */
  readonly name: string;
  /** The argument that selects the process in the commands of the other supervisor. */
  readonly target: string;
  /** The state, as the other supervisor names it. */
  readonly state: string;
  readonly isRunning: boolean;
  /** The process group that the process leads, or null. */
  readonly processGroup: number | null;
}

/** A running supervisord or PM2. */
export interface Supervisor {
  readonly kind: "supervisord" | "pm2";
  /** The units that its programs become. */
  readonly imported: Imported;
  /** Returns the name of the program that a process belongs to. */
  programOf(process: string): string;
  list(): Promise<Result<readonly Program[], ApiError>>;
  /** Stops processes and waits until they have ended. Returns why that failed, or null. */
  stop(targets: readonly string[]): Promise<string | null>;
  start(targets: readonly string[]): Promise<string | null>;
  /**
   * Says what the operator must still do about programs that sup runs now. `isLast` is true if the other supervisor has no
   * further programs.
   */
  leftovers(moved: ReadonlyArray<{ readonly name: string; readonly origins: readonly string[] }>, isLast: boolean): string[];
}

/** Runs a command of the other supervisor. Returns its output if it failed, otherwise null. */
export async function complaintOf(host: Pick<Host, "ask" | "env">, command: readonly string[]): Promise<string | null> {
  const ran = await host.ask(command, host.env, { detached: true });
  if (ran.code === 0) return null;
  const lines = `${ran.stdout}\n${ran.stderr}`.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(0, 3).join("; ") || `${command[0]} exited with code ${ran.code}`;
}

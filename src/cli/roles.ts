import type { UnitSnapshot } from "../ports/files.ts";
import type { LogLine } from "../ports/logs.ts";
import type { Places } from "../spec/places.ts";
import type { Spec } from "../spec/spec.ts";

/**
 * The functions that `main.ts` passes to the command line, so that the command line never imports the daemon. Only a call of one
 * of these functions loads the daemon's code. `daemon` and `up` return the exit code of the process.
 */
export interface Roles {
  daemon(options: {
    readonly places: Places;
    readonly foreground: boolean;
    readonly version: string;
    readonly leavesDirectory: boolean;
  }): Promise<number>;
  up(options: {
    /** The paths for the directory to supervise. The unit path is that directory. */
    readonly places: Places;
    readonly version: string;
    /** Prints an output line of a service. The lines of all services are merged. */
    readonly line: (unit: string, line: LogLine) => void;
    /** Prints a message about a unit (started, failed, stopping), or about all units if `unit` is null. */
    readonly say: (unit: string | null, text: string) => void;
    /** Called when the daemon accepts requests. `url` is null if there is no web page. */
    readonly begun: (url: string | null) => void;
    /** Announces unit ids as they become known, so that the names can be aligned. */
    readonly expect: (units: readonly string[]) => void;
    /** What ends it besides a signal: the end of this unit, the first failure, or the end of all units. */
    readonly exitOn: { readonly unit: string } | "failure" | "all-done" | null;
  }): Promise<number>;
  /** Reads the unit files of directories as the daemon does. Earlier directories take precedence. */
  readUnits(directories: readonly string[]): Promise<UnitSnapshot>;
  /**
   * Finds users, files, directories and commands that these units need for a start and that this machine lacks. `key` is a key of
   * the unit file.
   */
  checkMachine(
    specs: readonly Spec[],
    places: Places,
  ): Promise<ReadonlyArray<{ readonly id: string; readonly key: string; readonly message: string; readonly hint?: string }>>;
}

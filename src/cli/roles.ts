import type { UnitSnapshot } from "../ports/files.ts";
import type { LogLine } from "../ports/logs.ts";
import type { Places } from "../spec/places.ts";
import type { Spec } from "../spec/spec.ts";

/**
 * Functions that need the daemon's code. The command line never imports the daemon. Instead, `main.ts` passes these functions to it,
 * and they load the daemon's code when they are called. `daemon` and `up` return the exit code of the process.
 */
export interface Roles {
  daemon(options: {
    readonly places: Places;
    readonly foreground: boolean;
    readonly version: string;
    readonly leavesDirectory: boolean;
  }): Promise<number>;
  up(options: {
    /** The paths to use. The unit path is the directory to supervise. */
    readonly places: Places;
    readonly version: string;
    /** Prints an output line of a service. It receives the lines of all services. */
    readonly line: (unit: string, line: LogLine) => void;
    /**
     * Prints a message about a unit, for example that it started, failed or is stopping. If `unit` is null, the message is about
     * all units.
     */
    readonly say: (unit: string | null, text: string) => void;
    /** Called when the daemon is ready for requests. `url` is null if there is no web page. */
    readonly begun: (url: string | null) => void;
    /** Announces unit ids when they become known, so that their names can be aligned. */
    readonly expect: (units: readonly string[]) => void;
    /**
     * The event that ends the daemon in addition to a signal. It is the end of one unit, the first failure, or the end of all
     * units.
     */
    readonly exitOn: { readonly unit: string } | "failure" | "all-done" | null;
  }): Promise<number>;
  /** Reads unit files from directories as the daemon does. Earlier directories take precedence. */
  readUnits(directories: readonly string[]): Promise<UnitSnapshot>;
  /**
   * Finds users, files, directories and commands that these units need for a start and that this machine lacks. `key` is a key in
   * the unit file.
   */
  checkMachine(
    specs: readonly Spec[],
    places: Places,
  ): Promise<ReadonlyArray<{ readonly id: string; readonly key: string; readonly message: string; readonly hint?: string }>>;
}

import type { UnitSnapshot } from "../ports/files.ts";
import type { LogLine } from "../ports/logs.ts";
import type { Places } from "../spec/places.ts";
import type { Spec } from "../spec/spec.ts";

/**
 * What `main.ts` passes to the command line, so that the command line never imports the daemon: it is loaded only when one of
 * these is called. `daemon` and `up` return the exit code of the process.
 */
export interface Roles {
  daemon(options: { readonly places: Places; readonly foreground: boolean; readonly version: string }): Promise<number>;
  up(options: {
    /** Paths for the directory to supervise; the unit path is that directory. */
    readonly places: Places;
    readonly version: string;
    /** Prints an output line of a service, merged with the output of the others. */
    readonly line: (unit: string, line: LogLine) => void;
    /** Prints a message about a unit, or about all (null): started, failed, stopping. */
    readonly say: (unit: string | null, text: string) => void;
    /** The daemon accepts requests; null when there is no web page. */
    readonly begun: (url: string | null) => void;
    /** Announces unit ids as they become known, so that the names can be aligned. */
    readonly expect: (units: readonly string[]) => void;
  }): Promise<number>;
  /** Reads the unit files of directories the way the daemon does; earlier directories take precedence. */
  readUnits(directories: readonly string[]): Promise<UnitSnapshot>;
  /** What this machine lacks for a start of these units: users, files, directories, commands. `key` is a key of the unit file. */
  checkMachine(
    specs: readonly Spec[],
    places: Places,
  ): Promise<ReadonlyArray<{ readonly id: string; readonly key: string; readonly message: string; readonly hint?: string }>>;
}

import type { UnitSnapshot } from "../ports/files.ts";
import type { LogLine } from "../ports/logs.ts";
import type { Places } from "../spec/places.ts";

/**
 * What the command line can become. It parses and speaks, but never imports the daemon: `main.ts` hands these in, and they
 * load it only when called. `daemon` and `up` answer with the exit code of the process.
 */
export interface Roles {
  daemon(options: { readonly places: Places; readonly foreground: boolean; readonly version: string }): Promise<number>;
  up(options: {
    /** Of the directory to supervise; its unit path is that directory. */
    readonly places: Places;
    readonly version: string;
    /** Prints a line of a service, merged with the others. */
    readonly line: (unit: string, line: LogLine) => void;
    /** Prints a line about the units: started, failed, stopping. */
    readonly say: (unit: string | null, text: string) => void;
    /** It answers now; null when there is no page. */
    readonly begun: (url: string | null) => void;
    /** Ids of the units as they become known, so that the names can be aligned. */
    readonly expect: (units: readonly string[]) => void;
  }): Promise<number>;
  /** The unit files of directories, earlier ones first, read as the daemon reads them. */
  readUnits(directories: readonly string[]): Promise<UnitSnapshot>;
}

/** A supervisor in its default settings, as far as the loss benchmark needs it: one service, asked about, stopped, orphaned. */
export interface Keeper {
  readonly name: string;
  readonly version: string | null;
  readonly missing?: string;
  /** Starts the supervisor with the one service `argv`, its output kept in a log. */
  start(directory: string, argv: readonly string[]): Promise<Kept>;
}

export interface Kept {
  /** The process that supervises the service: what is killed. */
  supervisor(): number;
  /** Starts the supervisor again, as the machine's init or a person would; nothing where it comes back by itself. */
  revive(): Promise<void>;
  /** The pid of the service by the supervisor's own word; null when it says that none runs. */
  pid(): Promise<number | null>;
  /** The command that stops the service, run to its end. */
  stop(): Promise<void>;
  /** Ends the supervisor. */
  end(): Promise<void>;
  /** Files that hold what the service wrote. */
  logs(): string[];
}

export const missingKeeper = (name: string, why: string): Keeper => ({
  name,
  version: null,
  missing: why,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

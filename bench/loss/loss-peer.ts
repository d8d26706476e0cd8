/** A supervisor in its default settings, for the loss benchmark: it runs one service. */
export interface LossPeer {
  readonly name: string;
  readonly version: string | null;
  readonly missing?: string;
  /** Starts the supervisor with the one service `argv`, whose output goes to a log. */
  start(directory: string, argv: readonly string[]): Promise<RunningPeer>;
}

export interface RunningPeer {
  /** The pid of the process that supervises the service; the benchmark kills it. */
  supervisor(): number;
  /** Starts the supervisor again, as the machine's init or a person would; does nothing if it restarts by itself. */
  revive(): Promise<void>;
  /** The pid of the service as the supervisor reports it; null if it reports that none runs. */
  pid(): Promise<number | null>;
  /** Runs the command that stops the service, and waits until it exits. */
  stop(): Promise<void>;
  /** Ends the supervisor. */
  end(): Promise<void>;
  /** The log files with the service's output. */
  logs(): string[];
}

export const missingLossPeer = (name: string, why: string): LossPeer => ({
  name,
  version: null,
  missing: why,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

/** A supervisor for the loss benchmark. It has its default settings and runs one service. */
export interface LossPeer {
  readonly name: string;
  readonly version: string | null;
  readonly missing?: string;
  /** Starts the supervisor with the one service `argv`, whose output goes to a log. */
  start(directory: string, argv: readonly string[]): Promise<RunningPeer>;
}

export interface RunningPeer {
  /** Returns the pid of the process that supervises the service. The benchmark kills this process. */
  supervisor(): number;
  /** Starts the supervisor again, as the machine's init or a person would. Does nothing if the supervisor restarts by itself. */
  revive(): Promise<void>;
  /** Returns the pid of the service as the supervisor reports it, or null if it reports that none runs. */
  pid(): Promise<number | null>;
  /** Runs the command that stops the service, and waits until the command exits. */
  stop(): Promise<void>;
  /** Ends the supervisor. */
  end(): Promise<void>;
  /** Returns the log files with the service's output. */
  logs(): string[];
}

export const missingLossPeer = (name: string, why: string): LossPeer => ({
  name,
  version: null,
  missing: why,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

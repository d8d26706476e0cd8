/** A program that stores the output of a service in files of a limited size. */
export interface Logger {
  readonly name: string;
  readonly version: string | null;
  readonly missing?: string;
  /** Set if the logger is so slow that a short benchmark lets it store only this number of megabytes. */
  readonly mostMegabytes?: number;
  /** The number of bytes that the logger writes before each 100-byte line. */
  readonly prefixBytes: number;
  /** Set if the logger has a control interface that answers requests. */
  readonly answers?: true;
  /** Starts the logger with the service `argv`, whose output goes to at most `KEEP` files of `FILE_BYTES`. */
  start(directory: string, argv: readonly string[]): Promise<Logging>;
}

export const FILE_BYTES = 64 << 20;
export const KEEP = 30;

export interface Logging {
  /** Returns the processes whose CPU time is counted: all except the service. */
  pids(): number[];
  /** Returns the log files, oldest first. */
  files(): string[];
  /** Set if the logger runs in a sandbox and keeps no log files. */
  readonly sandbox?: LoggingInSandbox;
  /**
   * Sends a request to the control interface or probes another unit, alternately. It is null if the logger has no control
   * interface.
   */
  request: (() => Promise<unknown>) | null;
  end(): Promise<void>;
}

export interface LoggingInSandbox {
  /** The directory through which this process sees the root directory of the sandbox. */
  readonly root: string;
  /** Waits until everything that the service has written so far is stored. */
  sync(): Promise<unknown>;
  /** A command that prints the stored lines. */
  readonly print: readonly string[];
}

export const missingLogger = (name: string, why: string): Logger => ({
  name,
  version: null,
  missing: why,
  prefixBytes: 0,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

/** A program that stores the output of a service in files of a limited size. */
export interface Logger {
  readonly name: string;
  readonly version: string | null;
  readonly missing?: string;
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
  /**
   * Sends a request to the control interface or probes another unit, alternately. It is null if the logger has no control
   * interface.
   */
  request: (() => Promise<unknown>) | null;
  end(): Promise<void>;
}

export const missingLogger = (name: string, why: string): Logger => ({
  name,
  version: null,
  missing: why,
  prefixBytes: 0,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

/** Something that takes in what a service writes and keeps it in files of a limited size. */
export interface Logger {
  readonly name: string;
  readonly version: string | null;
  readonly missing?: string;
  /** Bytes that it puts before each line of 100. */
  readonly prefixBytes: number;
  /** There is something to ask it. */
  readonly answers?: true;
  /** Starts it with the service `argv`, its output in files of `FILE_BYTES`, at most `KEEP` of them. */
  start(directory: string, argv: readonly string[]): Promise<Logging>;
}

export const FILE_BYTES = 64 << 20;
export const KEEP = 30;

export interface Logging {
  /** The processes whose CPU is counted: all that is not the service. */
  pids(): number[];
  /** Oldest first. */
  files(): string[];
  /** A question to its control interface, in turn with a probe of another unit; null where there is nothing of the kind. */
  ask: (() => Promise<unknown>) | null;
  end(): Promise<void>;
}

export const missingLogger = (name: string, why: string): Logger => ({
  name,
  version: null,
  missing: why,
  prefixBytes: 0,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

import type { Starts } from "../starts.ts";

/** A supervisor that is measured. */
export interface Peer {
  readonly name: string;
  /** The version, or null if the supervisor is not available. In that case `missing` has the reason. */
  readonly version: string | null;
  readonly missing?: string;
  /** The minimum time in milliseconds between two kills of one service. After a shorter time, the supervisor delays the restart. */
  readonly restartPaceMs: number;
  /**
   * The time in milliseconds after the start until the supervisor is at rest; default: three seconds. A runtime that compiles code needs
   * about a minute.
   */
  readonly settleMs?: number;
  /** Starts the supervisor with `count` services. Each service runs `service STARTS.file uN`. */
  start(session: Session): Promise<Running>;
}

export interface Session {
  /** A private directory, which is removed afterwards. */
  readonly directory: string;
  readonly count: number;
  readonly service: string;
  readonly starts: Starts;
}

export interface Running {
  /** The time (CLOCK_MONOTONIC) just before the supervisor was started. */
  readonly beganNs: number;
  /** Returns the processes of the supervisor, without services. */
  supervisors(): number[];
  /** Runs the command that stops every service, and waits until that command exits. */
  stopAll(): Promise<void>;
  /** The commands to measure, or null if the peer has none. */
  readonly commands: {
    readonly isActive: readonly string[];
    readonly status: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  } | null;
  /** Ends the supervisor and its services. */
  end(): Promise<void>;
}

export const missing = (name: string, why: string): Peer => ({
  name,
  version: null,
  missing: why,
  restartPaceMs: 0,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

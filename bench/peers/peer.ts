import type { Starts } from "../starts.ts";

/** A supervisor under measurement. */
export interface Peer {
  readonly name: string;
  /** The version as a string, or null with the reason in `missing`. */
  readonly version: string | null;
  readonly missing?: string;
  /** The shortest time between two kills of one service, in ms, after which it still restarts the service at once. */
  readonly restartPaceMs: number;
  /** Starts the supervisor with `count` services, each running `service STARTS.file uN`. */
  start(session: Session): Promise<Running>;
}

export interface Session {
  /** A private directory, removed afterwards. */
  readonly directory: string;
  readonly count: number;
  readonly service: string;
  readonly starts: Starts;
}

export interface Running {
  /** CLOCK_MONOTONIC just before the supervisor was started. */
  readonly beganNs: number;
  /** The processes of the supervisor, without services. */
  supervisors(): number[];
  /** Runs the command that stops every service, and waits until it exits. */
  stopAll(): Promise<void>;
  /** The commands to time; null if the peer has none. */
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

import type { Starts } from "../starts.ts";

/** A supervisor under measurement. */
export interface Peer {
  readonly name: string;
  /** The version in words, or null with the reason in `missing`. */
  readonly version: string | null;
  readonly missing?: string;
  /** The shortest time between two kills of one service that it answers by a restart at once, in ms. */
  readonly restartPaceMs: number;
  /** Starts the supervisor with `count` services, each running `service STARTS.file uN`. Gives when it was begun. */
  start(session: Session): Promise<Running>;
}

export interface Session {
  /** A directory of its own, removed afterwards. */
  readonly directory: string;
  readonly count: number;
  readonly service: string;
  readonly starts: Starts;
}

export interface Running {
  /** CLOCK_MONOTONIC just before the supervisor was started. */
  readonly beganNs: number;
  /** The processes that make up the supervisor, services not included. */
  supervisors(): number[];
  /** The command that stops every service, run to its end. */
  stopAll(): Promise<void>;
  /** Commands to time; null where there is no such thing. */
  readonly commands: {
    readonly isActive: readonly string[];
    readonly status: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  } | null;
  /** Ends the supervisor and what it runs. */
  end(): Promise<void>;
}

export const missing = (name: string, why: string): Peer => ({
  name,
  version: null,
  missing: why,
  restartPaceMs: 0,
  start: () => Promise.reject(new Error(`${name}: ${why}`)),
});

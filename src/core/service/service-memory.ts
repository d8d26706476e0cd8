import type { Definition } from "../../spec/load/definition.ts";
import type { Rollout } from "./rollout.ts";
import type { ScalingState } from "./scaler.ts";

/** The state of a service that is stored for the next daemon. */
export interface ServiceMemory {
  /** The number of units that `sup scale` or automatic scaling gave the service; null if its file decides. */
  readonly scale: number | null;
  /** The number of the last rollout; 0 if there was none. */
  readonly generation: number;
  /** The last rollout. Its times are monotonic and valid only until the next boot. */
  readonly rollout: Rollout | null;
  /** Number of runs that each surge unit had before the rollout, by id. */
  readonly earlierRuns: Readonly<Record<string, number>>;
  /**
   * The number of the definition in force, and the highest number that was given to a definition. Each reload that changes
   * the definition gives it the next number.
   */
  readonly definition: number;
  readonly definitions: number;
  /** The definition that worked last, if rollouts since then have not succeeded yet. Null if the definition in force has worked. */
  readonly working: Working | null;
  /** Set while the definition that worked last is in force instead of the file on disk. */
  readonly reverted: Reverted | null;
  /**
   * What automatic scaling remembers of its earlier decisions; null before the first. Its times are monotonic and valid only
   * until the next boot.
   */
  readonly scaling: ScalingState | null;
  /**
   * True if the daemon may stop the service when nobody uses it (`instances.min` 0): the service sleeps, or a connection started it.
   * False if an operator started it by hand.
   */
  readonly onDemand: boolean;
}

export interface Working extends Definition {
  readonly version: number;
}

export interface Reverted {
  readonly definition: Definition;
  /** The number of the rollout that failed or was rolled back, the time on the wall clock, and the cause. */
  readonly generation: number;
  readonly atMs: number;
  readonly cause: string;
}

export const NO_MEMORY: ServiceMemory = {
  scale: null,
  generation: 0,
  rollout: null,
  earlierRuns: {},
  definition: 0,
  definitions: 0,
  working: null,
  reverted: null,
  scaling: null,
  onDemand: false,
};

const VERSION = 1;

export const serviceText = (memory: ServiceMemory): string => JSON.stringify({ version: VERSION, ...memory });

/** Returns the stored state, or null if the text is damaged or of another version. Null means that the file decides the number of units. */
export function parseService(text: string): ServiceMemory | null {
  try {
    const { version, ...memory } = JSON.parse(text) as Partial<ServiceMemory> & { readonly version?: number };
    return version === VERSION ? { ...NO_MEMORY, ...memory } : null;
  } catch {
    return null; // not JSON
  }
}

import type { Definition } from "../../spec/load/definition.ts";
import type { Rollout } from "./rollout.ts";
import type { ScalingState } from "./scaler.ts";

/** The state of a service that is stored for the next daemon. */
export interface ServiceMemory {
  /** The number of units that `sup scale` or automatic scaling gave the service; null if its file decides. */
  readonly scale: number | null;
  /** The number of the last rollout; 0 if there was none. */
  readonly generation: number;
  /** The last rollout. Its times are those of one boot. */
  readonly rollout: Rollout | null;
  /** How many runs the surge units had before the rollout, by id. */
  readonly earlierRuns: Readonly<Record<string, number>>;
  /** The number of the definition in force, and the highest number of all. The definition gets the next number with each reload that changes it. */
  readonly definition: number;
  readonly definitions: number;
  /** The definition that was in force before the rollouts that have not succeeded yet; null if the one in force has worked. */
  readonly working: Working | null;
  /** Set while the definition that worked last is in force instead of the file on disk. */
  readonly reverted: Reverted | null;
  /** What automatic scaling must know of its earlier decisions; null before the first. Its times are those of one boot. */
  readonly scaling: ScalingState | null;
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
};

const VERSION = 1;

export const serviceText = (memory: ServiceMemory): string => JSON.stringify({ version: VERSION, ...memory });

/** Returns null if the text is damaged or of another version. The file then decides the number of units. */
export function parseService(text: string): ServiceMemory | null {
  try {
    const { version, ...memory } = JSON.parse(text) as Partial<ServiceMemory> & { readonly version?: number };
    return version === VERSION ? { ...NO_MEMORY, ...memory } : null;
  } catch {
    return null; // not JSON
  }
}

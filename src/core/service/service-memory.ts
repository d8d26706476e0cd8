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
  /** What automatic scaling must know of its earlier decisions; null before the first. Its times are those of one boot. */
  readonly scaling: ScalingState | null;
}

const VERSION = 1;

export const serviceText = (memory: ServiceMemory): string => JSON.stringify({ version: VERSION, ...memory });

/** Returns null if the text is damaged or of another version. The file then decides the number of units. */
export function parseService(text: string): ServiceMemory | null {
  try {
    const { version, scale, generation, rollout, earlierRuns, scaling } = JSON.parse(text) as Partial<ServiceMemory> & {
      readonly version?: number;
    };
    if (version !== VERSION) return null;
    return {
      ...{ scale: scale ?? null, generation: generation ?? 0, rollout: rollout ?? null },
      ...{ earlierRuns: earlierRuns ?? {}, scaling: scaling ?? null },
    };
  } catch {
    return null; // not JSON
  }
}

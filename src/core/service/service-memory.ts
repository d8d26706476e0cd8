import type { Rollout } from "./rollout.ts";

/** The state of a service that is stored for the next daemon. */
export interface ServiceMemory {
  /** The number of units that `sup scale` gave the service; null if its file decides. */
  readonly scale: number | null;
  /** The number of the last rollout; 0 if there was none. */
  readonly generation: number;
  /** The last rollout. Its times are those of one boot. */
  readonly rollout: Rollout | null;
  /** How many runs the surge units had before the rollout, by id. */
  readonly earlierRuns: Readonly<Record<string, number>>;
}

const VERSION = 1;

export const serviceText = (memory: ServiceMemory): string => JSON.stringify({ version: VERSION, ...memory });

/** Returns null if the text is damaged or of another version. The file then decides the number of units. */
export function parseService(text: string): ServiceMemory | null {
  try {
    const { version, scale, generation, rollout, earlierRuns } = JSON.parse(text) as Partial<ServiceMemory> & { readonly version?: number };
    if (version !== VERSION) return null;
    return { scale: scale ?? null, generation: generation ?? 0, rollout: rollout ?? null, earlierRuns: earlierRuns ?? {} };
  } catch {
    return null; // not JSON
  }
}

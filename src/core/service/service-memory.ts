/** The state of a service that is stored for the next daemon. */
export interface ServiceMemory {
  /** The number of units that `sup scale` gave the service; null if its file decides. */
  readonly scale: number | null;
}

const VERSION = 1;

export const serviceText = (memory: ServiceMemory): string => JSON.stringify({ version: VERSION, ...memory });

/** Returns null if the text is damaged or of another version. The file then decides the number of units. */
export function parseService(text: string): ServiceMemory | null {
  try {
    const { version, scale } = JSON.parse(text) as { readonly version?: number; readonly scale?: unknown };
    return version === VERSION && typeof scale === "number" ? { scale } : null;
  } catch {
    return null; // not JSON
  }
}

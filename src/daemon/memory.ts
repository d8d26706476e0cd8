import type { CheckState } from "../core/check.ts";
import { PHASES } from "../core/unit/phase.ts";
import { freshUnit, type Unit } from "../core/unit/record.ts";
import type { Entry } from "../core/world.ts";

/**
 * What the next daemon needs of a unit, as text for the store. Times in it are of CLOCK_BOOTTIME, so they mean the same
 * to the next daemon of this boot; after a reboot a memory is worth nothing but its counts.
 */
export interface Memory {
  readonly unit: Unit;
  readonly check: CheckState | null;
}

const VERSION = 1;

export const rememberUnit = ({ unit, check }: Entry): string => JSON.stringify({ version: VERSION, unit, check });

/** Null when the text is none of ours: of another version, or damaged. */
export function recallUnit(id: string, text: string): Memory | null {
  try {
    const memory = JSON.parse(text) as { version?: number; unit?: Partial<Unit>; check?: CheckState | null };
    const { unit } = memory;
    if (memory.version !== VERSION || unit?.id !== id || unit.phase === undefined || !PHASES.includes(unit.phase)) return null;
    return { unit: { ...freshUnit(id), ...unit }, check: memory.check ?? null };
  } catch {
    return null; // not JSON: somebody else's hand, or a damaged page; the unit starts afresh
  }
}

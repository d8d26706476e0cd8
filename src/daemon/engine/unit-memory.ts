import type { CheckState } from "../../core/unit/check.ts";
import { PHASES } from "../../core/unit/phase.ts";
import { freshUnit, type Unit } from "../../core/unit/record.ts";
import type { Entry } from "../../core/world/world.ts";

/**
 * The state of a unit that is stored as a string for the next daemon. Its times are those of CLOCK_BOOTTIME, so they are
 * valid for every daemon until the next boot. After a reboot, only the counters are useful.
 */
export interface Memory {
  readonly unit: Unit;
  readonly check: CheckState | null;
  /**
   * The loaded settings of a unit that has run; null for other units. The next daemon needs them, because the unit's file may
   * have changed or may have been deleted.
   */
  readonly inForce: { readonly file: string; readonly effective: Readonly<Record<string, unknown>> } | null;
}

const VERSION = 1;

export function rememberUnit({ unit, check, spec }: Entry, effective: Readonly<Record<string, unknown>> | undefined): string {
  const inForce = effective === undefined || (unit.run === 0 && spec.file !== "") ? "null" : inForceText(spec.file, effective);
  return `{"version":${VERSION},"unit":${JSON.stringify(unit)},"check":${JSON.stringify(check)},"inForce":${inForce}}`;
}

/** Caches the JSON of each version of a unit's settings. The settings change only with a reload, but the rest of the state changes often. */
const texts = new WeakMap<object, string>();

function inForceText(file: string, effective: Readonly<Record<string, unknown>>): string {
  const known = texts.get(effective);
  if (known !== undefined) return known;
  const text = JSON.stringify({ file, effective });
  texts.set(effective, text);
  return text;
}

/** Parses the stored state of a unit. Returns null if it is damaged or was written by an incompatible version. */
export function recallUnit(id: string, text: string): Memory | null {
  try {
    const memory = JSON.parse(text) as Partial<Omit<Memory, "unit">> & { readonly version?: number; readonly unit?: Partial<Unit> };
    const { unit } = memory;
    if (memory.version !== VERSION || unit?.id !== id || unit.phase === undefined || !PHASES.includes(unit.phase)) return null;
    return { unit: { ...freshUnit(id), ...unit }, check: memory.check ?? null, inForce: memory.inForce ?? null };
  } catch {
    return null; // not JSON, because the row was edited or is damaged; the unit then counts as new
  }
}

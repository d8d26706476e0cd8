import type { CheckState } from "../../core/unit/check.ts";
import { PHASES } from "../../core/unit/phase.ts";
import { freshUnit, type Unit } from "../../core/unit/record.ts";
import type { Entry } from "../../core/world/world.ts";

/**
 * What the next daemon needs of a unit, as text for the store. Times in it are of CLOCK_BOOTTIME, so they mean the same
 * to the next daemon of this boot; after a reboot a memory is worth nothing but its counts.
 */
export interface Memory {
  readonly unit: Unit;
  readonly check: CheckState | null;
  /** What is in force, for a unit that has run: its file may be changed or gone when the next daemon looks. */
  readonly inForce: { readonly file: string; readonly effective: Readonly<Record<string, unknown>> } | null;
}

const VERSION = 1;

export function rememberUnit({ unit, check, spec }: Entry, effective: Readonly<Record<string, unknown>> | undefined): string {
  const inForce = effective === undefined || (unit.run === 0 && spec.file !== "") ? "null" : inForceText(spec.file, effective);
  return `{"version":${VERSION},"unit":${JSON.stringify(unit)},"check":${JSON.stringify(check)},"inForce":${inForce}}`;
}

/** It changes with a reload, the rest of the memory with every step: made once for each version. */
const texts = new WeakMap<object, string>();

function inForceText(file: string, effective: Readonly<Record<string, unknown>>): string {
  const known = texts.get(effective);
  if (known !== undefined) return known;
  const text = JSON.stringify({ file, effective });
  texts.set(effective, text);
  return text;
}

/** Null when the text is none of ours: of another version, or damaged. */
export function recallUnit(id: string, text: string): Memory | null {
  try {
    const memory = JSON.parse(text) as Partial<Omit<Memory, "unit">> & { readonly version?: number; readonly unit?: Partial<Unit> };
    const { unit } = memory;
    if (memory.version !== VERSION || unit?.id !== id || unit.phase === undefined || !PHASES.includes(unit.phase)) return null;
    return { unit: { ...freshUnit(id), ...unit }, check: memory.check ?? null, inForce: memory.inForce ?? null };
  } catch {
    return null; // not JSON: somebody else's hand, or a damaged page; the unit starts afresh
  }
}

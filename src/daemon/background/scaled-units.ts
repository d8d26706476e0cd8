import type { Entry, Reading } from "../../core/world/types.ts";
import type { Sample } from "../../ports/usage.ts";
import type { Sampler } from "./sampler.ts";

/** A posted number that was not posted again for this time is missing. */
export const POSTED_VALID_MS = 60_000;

/**
 * Returns the present values of all units whose service scales itself. `runs` has the run of each unit that was measured. A posted
 * number counts only if the present run has posted it.
 */
export function readScaledUnits(
  entries: Iterable<readonly [string, Entry]>,
  samples: ReadonlyMap<string, Pick<Sample, "cpuPercent" | "memoryMb">>,
  runs: ReadonlyMap<string, number>,
  sampler: Pick<Sampler, "reportedSince">,
  nowMs: number,
): Map<string, Reading> {
  const units = new Map<string, Reading>();
  for (const [id, { spec, unit }] of entries) {
    if (spec.scaling === null) continue;
    const sample = runs.get(id) === unit.run ? samples.get(id) : undefined;
    const posted = sampler.reportedSince(id, Math.max(nowMs - POSTED_VALID_MS, unit.execAtMs ?? nowMs));
    const measured = sample === undefined ? {} : { memory: sample.memoryMb, ...(sample.cpuPercent !== null && { cpu: sample.cpuPercent }) };
    units.set(id, { run: unit.run, values: { ...posted, ...measured } });
  }
  return units;
}

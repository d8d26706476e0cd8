import { isServing } from "../world/dependencies.ts";
import type { Target } from "../world/dependencies.ts";
import type { Services } from "../service/services.ts";

/** Finds units, and how they depend on each other. */
export interface Surroundings {
  readonly services: Pick<Services, "unitsOf" | "quorumOf" | "usersOf">;
  readonly get: (id: string) => Target | undefined;
}

/**
 * Why the problem of a unit is not reported by itself. `trouble`: a unit that it needs has a problem, and the message about
 * that problem lists this unit. `planned`: a unit that it needs was stopped on purpose. `down`: a unit that it needs does not
 * serve at present, for example because it restarts.
 */
export interface Holder {
  readonly unit: string;
  readonly why: "trouble" | "planned" | "down";
}

/** Returns the unit that explains the problem of `id`, or null. Only required dependencies count, direct and indirect ones. */
export function holderOf(id: string, { services, get }: Surroundings, isTroubled: (id: string) => boolean): Holder | null {
  const seen = new Set([id]);
  const queue = [id];
  let weaker: Holder | null = null;
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const { unit: name, required, quorum } of get(at)?.spec.dependencies ?? []) {
      const units = required ? services.unitsOf(name).filter((one) => !seen.has(one)) : [];
      if (units.length === 0) continue;
      const broken = units.flatMap((one) => brokenBy(one, get(one), isTroubled) ?? []);
      if (units.length - broken.length < services.quorumOf(name, quorum)) {
        const trouble = broken.find(({ why }) => why === "trouble");
        if (trouble !== undefined) return trouble;
        weaker ??= broken.find(({ why }) => why === "planned") ?? broken[0] ?? null;
      }
      for (const one of units) seen.add(one);
      queue.push(...units);
    }
  }
  return weaker;
}

function brokenBy(id: string, target: Target | undefined, isTroubled: (id: string) => boolean): Holder | null {
  if (isTroubled(id)) return { unit: id, why: "trouble" };
  if (target === undefined || isServing(target.unit) || target.unit.succeeded) return null;
  if (target.spec.type === "oneshot" && target.unit.run > 0) return null;
  const isPlanned = target.unit.want === "down" && target.unit.phase !== "failed" && target.unit.phase !== "fatal";
  return { unit: id, why: isPlanned ? "planned" : "down" };
}

/** Returns the units that need `id`, directly or indirectly, and are down although they should be up. */
export function affectedBy(id: string, { services, get }: Surroundings): string[] {
  const seen = new Set([id]);
  const queue = [id];
  const affected: string[] = [];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const user of services.usersOf(at)) {
      const target = get(user);
      if (target === undefined || seen.has(user) || !requires(target, at, services)) continue;
      seen.add(user);
      queue.push(user);
      const { want, phase } = target.unit;
      if (!isServing(target.unit) && (want === "up" || phase === "failed" || phase === "fatal")) affected.push(user);
    }
  }
  return affected.sort();
}

const requires = ({ spec }: Target, id: string, services: Surroundings["services"]): boolean =>
  spec.dependencies.some(({ unit, required }) => required && services.unitsOf(unit).includes(id));

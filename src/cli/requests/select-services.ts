import { globMatcher, closest, isGlob, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type { Service } from "../../api/contract/shapes.ts";

/** Returns true for a glob or an `@group`, which may match any number of units. */
export const isPattern = (text: string): boolean => text.startsWith("@") || isGlob(text);

/** Returns false only if the patterns are a single plain name. */
export const isMany = (patterns: readonly string[]): boolean => patterns.length !== 1 || isPattern(patterns[0]!);

/**
 * Returns the services that match names, globs and groups, each once, in the order of `services`. Without patterns, returns all
 * services. `web` also matches its instances `web@1` and `web@2`, unless a unit has exactly the name `web`.
 */
export function selectServices(services: readonly Service[], patterns: readonly string[]): Result<readonly Service[], ApiError> {
  if (patterns.length === 0) return ok(services);
  const chosen = new Set<Service>();
  for (const pattern of patterns) {
    const matches = services.filter(matcher(services, pattern));
    if (matches.length === 0) return err(noMatch(services, pattern));
    for (const match of matches) chosen.add(match);
  }
  return ok(services.filter((service) => chosen.has(service)));
}

function matcher(services: readonly Service[], pattern: string): (service: Service) => boolean {
  if (pattern.startsWith("@")) return (service) => service.groups.includes(pattern.slice(1));
  const name = stripSuffix(pattern);
  if (isGlob(name)) {
    const wanted = globMatcher(name);
    return (service) => wanted(service.id);
  }
  if (services.some((service) => service.id === name)) return (service) => service.id === name;
  return (service) => service.id.startsWith(`${name}@`);
}

function noMatch(services: readonly Service[], pattern: string): ApiError {
  if (pattern.startsWith("@")) {
    const near = closest(
      pattern.slice(1),
      services.flatMap((service) => service.groups),
    );
    return { code: "no-such-unit", message: `no unit is in the group ${pattern}`, ...(near && { hint: `did you mean @${near}?` }) };
  }
  if (isGlob(pattern)) return { code: "no-such-unit", message: `no unit matches ${pattern}`, hint: "`sup list` shows all units" };
  const name = stripSuffix(pattern);
  const near = closest(
    name,
    services.map((service) => service.id),
  );
  return {
    code: "no-such-unit",
    message: `there is no unit ${name}`,
    hint: near ? `did you mean ${near}?` : "`sup list` shows all units",
  };
}

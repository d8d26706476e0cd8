import type { ApiError } from "../../api/contract/errors.ts";
import { stripSuffix } from "../../base/names.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { isMany, isPattern } from "./select-services.ts";

/**
 * Returns the ids of the units that the names, globs and groups match. A single name may be a service with several units. If no unit
 * has the name, it is returned unchanged: the unit may have existed, and its log may still exist.
 */
export async function resolveIds(context: Context, patterns: readonly string[]): Promise<Result<readonly string[], ApiError>> {
  const answer = await context.client.call("resolve", { units: patterns.map(stripSuffix) });
  if (answer.ok) return ok(answer.value.units);
  return isMany(patterns) || answer.error.code === "unreachable" ? answer : ok([stripSuffix(patterns[0]!)]);
}

/**
 * Sends a request about each of these units and services, one after the other. Returns the answers, or the first error. The name of a
 * service with several units is not resolved, because the daemon answers for the whole service.
 */
export async function requestEach<Answer>(
  context: Context,
  patterns: readonly string[],
  request: (id: string) => Promise<Result<Answer, ApiError>>,
): Promise<Result<readonly Answer[], ApiError>> {
  const answers = new Map<string, Answer>();
  for (const pattern of patterns) {
    const ids = isPattern(pattern) ? await resolveIds(context, [pattern]) : ok([stripSuffix(pattern)]);
    if (!ids.ok) return ids;
    for (const id of ids.value) {
      if (answers.has(id)) continue;
      const answer = await request(id);
      if (!answer.ok) return answer;
      answers.set(id, answer.value);
    }
  }
  return ok([...answers.values()]);
}

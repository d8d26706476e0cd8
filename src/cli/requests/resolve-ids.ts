import type { ApiError } from "../../api/contract/errors.ts";
import { stripSuffix } from "../../base/names.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { isMany } from "./select-services.ts";

/**
 * Returns the ids of the units that the names, globs and groups match. Only patterns and several names need a request to the
 * daemon.
 */
export async function resolveIds(context: Context, patterns: readonly string[]): Promise<Result<readonly string[], ApiError>> {
  if (!isMany(patterns)) return ok([stripSuffix(patterns[0]!)]);
  const answer = await context.client.call("resolve", { units: patterns.map(stripSuffix) });
  return answer.ok ? ok(answer.value.units) : answer;
}

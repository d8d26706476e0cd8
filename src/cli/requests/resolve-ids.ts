import type { ApiError } from "../../api/contract/errors.ts";
import { stripSuffix } from "../../base/names.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { isMany } from "./select-services.ts";

/** The ids that names, globs and groups stand for, as the daemon sees it; a single name is taken at its word. */
export async function idsOf(context: Context, patterns: readonly string[]): Promise<Result<readonly string[], ApiError>> {
  if (!isMany(patterns)) return ok([stripSuffix(patterns[0]!)]);
  const answer = await context.client.call("resolve", { units: patterns.map(stripSuffix) });
  return answer.ok ? ok(answer.value.units) : answer;
}

import type { ApiError } from "../../api/contract/errors.ts";
import { stripSuffix } from "../../base/names.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { isMany } from "./select-services.ts";

/** Asks the daemon which unit ids the names, globs and groups match. A single name needs no request. */
export async function resolveIds(context: Context, patterns: readonly string[]): Promise<Result<readonly string[], ApiError>> {
  if (!isMany(patterns)) return ok([stripSuffix(patterns[0]!)]);
  const answer = await context.client.call("resolve", { units: patterns.map(stripSuffix) });
  return answer.ok ? ok(answer.value.units) : answer;
}

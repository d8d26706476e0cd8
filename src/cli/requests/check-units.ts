import { EXIT } from "../../api/contract/errors.ts";
import { ok, type Result } from "../../base/result.ts";
import { stripSuffix } from "../../base/names.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type { Service } from "../../api/contract/shapes.ts";
import type { Context } from "../context.ts";
import { isMany, selectServices } from "./select-services.ts";

/** A check for scripts, like systemctl's: prints a word for each unit, and exits with 0 if at least one unit passes. */
export interface UnitCheck {
  readonly word: (service: Service) => string;
  readonly passes: (service: Service) => boolean;
  /** The exit code if no unit passes. */
  readonly exitCode: number;
}

export async function checkUnits(context: Context, check: UnitCheck): Promise<number> {
  const found = await servicesOf(context, context.args);
  if (!found.ok) return context.fail(found.error);
  if (context.options.json) {
    context.json(found.value.map((service) => ({ id: service.id, word: check.word(service), yes: check.passes(service) })));
  } else if (!context.options.quiet) {
    for (const service of found.value) context.out(check.word(service));
  }
  return found.value.some(check.passes) ? EXIT.done : check.exitCode;
}

/** A single name needs only the small request for one unit; patterns are matched against the list of all. */
export async function servicesOf(context: Context, patterns: readonly string[]): Promise<Result<readonly Service[], ApiError>> {
  if (!isMany(patterns)) {
    const answer = await context.client.call("service", { id: stripSuffix(patterns[0]!) });
    if (answer.ok) return ok([answer.value]);
    if (answer.error.code !== "no-such-unit") return answer;
  }
  const all = await context.client.call("status");
  return all.ok ? selectServices(all.value.services, patterns) : all;
}

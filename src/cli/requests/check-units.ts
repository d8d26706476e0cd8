import { EXIT } from "../../api/contract/errors.ts";
import { ok, type Result } from "../../base/result.ts";
import { stripSuffix } from "../../base/names.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type { Service } from "../../api/contract/shapes.ts";
import type { Context } from "../context.ts";
import { isMany, select } from "./select-services.ts";

/** A question for scripts, as systemctl answers it: a word for each unit, and yes (0) when it holds for at least one. */
export interface Question {
  readonly word: (service: Service) => string;
  readonly yes: (service: Service) => boolean;
  /** The exit code when it holds for none. */
  readonly no: number;
}

export async function ask(context: Context, question: Question): Promise<number> {
  const found = await servicesOf(context, context.args);
  if (!found.ok) return context.fail(found.error);
  if (context.options.json) {
    context.json(found.value.map((service) => ({ id: service.id, word: question.word(service), yes: question.yes(service) })));
  } else if (!context.options.quiet) {
    for (const service of found.value) context.out(question.word(service));
  }
  return found.value.some(question.yes) ? EXIT.done : question.no;
}

/** One name takes one small request; anything more is chosen from the list. */
export async function servicesOf(context: Context, patterns: readonly string[]): Promise<Result<readonly Service[], ApiError>> {
  if (!isMany(patterns)) {
    const answer = await context.client.call("service", { id: stripSuffix(patterns[0]!) });
    if (answer.ok) return ok([answer.value]);
    if (answer.error.code !== "no-such-unit") return answer;
  }
  const all = await context.client.call("status");
  return all.ok ? select(all.value.services, patterns) : all;
}

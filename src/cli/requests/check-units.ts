import { EXIT } from "../../api/contract/errors.ts";
import { ok, type Result } from "../../base/result.ts";
import { stripSuffix } from "../../base/names.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type { Service } from "../../api/contract/shapes.ts";
import type { Context } from "../context.ts";
import { safe } from "../render/safe.ts";
import { splitUnloaded } from "./unloaded.ts";
import { isMany, isPattern, selectServices } from "./select-services.ts";

/** A check for scripts, as in systemctl(1). The command prints a word for each unit, and exits with 0 if at least one unit passes. */
export interface UnitCheck {
  readonly word: (service: Service) => string;
  readonly passes: (service: Service) => boolean;
  /** The word that is printed for a masked unit. */
  readonly masked: string;
  /** The exit code if no unit passes. */
  readonly exitCode: number;
}

interface Answer {
  readonly id: string;
  readonly word: string;
  readonly yes: boolean;
}

export async function checkUnits(context: Context, check: UnitCheck): Promise<number> {
  const found = await answersOf(context, check);
  if (!found.ok) return context.fail(found.error);
  const { answers, unknown } = found.value;
  const passes = answers.some(({ yes }) => yes);
  const failure = passes ? null : unknown;
  const { json, quiet } = context.options;
  if (json && failure === null) context.json(answers);
  if (!json && !quiet) for (const { id, word } of answers) context.out(context.args.some(isPattern) ? `${safe(id)}: ${word}` : word);
  if (failure !== null) return context.fail(failure);
  return passes ? EXIT.done : check.exitCode;
}

interface Answers {
  readonly answers: readonly Answer[];
  /** The error for a name that matches no unit. As in systemctl(1), it counts only if no other unit passes. */
  readonly unknown: ApiError | null;
}

/** Checks the units. A single name needs only a request for that unit, but patterns need the list of all units. */
async function answersOf({ client, args }: Context, check: UnitCheck): Promise<Result<Answers, ApiError>> {
  const answerOf = (service: Service): Answer => ({ id: service.id, word: check.word(service), yes: check.passes(service) });
  if (!isMany(args)) {
    const answer = await client.call("service", { id: stripSuffix(args[0]!) });
    if (answer.ok) return ok({ answers: [answerOf(answer.value)], unknown: null });
    if (answer.error.code !== "no-such-unit" && answer.error.code !== "conflict") return answer;
  }
  const all = await client.call("status");
  if (!all.ok) return all;
  const { masked = [], services } = all.value;
  const { unloaded, rest } = splitUnloaded({ masked }, args);
  const selections = rest.map((pattern) => selectServices(services, [pattern]));
  const chosen = new Set(selections.flatMap((selection) => (selection.ok ? selection.value : [])));
  const answers = services.filter((service) => chosen.has(service)).map(answerOf);
  const unknown = selections.find((selection) => !selection.ok);
  return ok({
    answers: [...answers, ...unloaded.map(({ id }) => ({ id, word: check.masked, yes: false }))],
    unknown: unknown === undefined ? null : unknown.error,
  });
}

import { compilePattern, type Pattern } from "../../../base/pattern.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { FEW_LINES, MANY_LINES } from "../../contract/limits.ts";
import type { Parsed } from "../../contract/contract.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { LogLine } from "../../../ports/logs.ts";
import type { LogRequest } from "../supervisor.ts";
import type { Answer, Context, Handler } from "./handler.ts";
import { followFiles, followLive, followSeveral } from "./log-stream.ts";
import { resolveWhen } from "./when.ts";

export const serviceLogs: Handler<"serviceLogs"> = async (input, context) => {
  const query = toQuery(input, context.nowMs);
  if (!query.ok) return query;
  const { lines } = input;
  const many = query.value.sinceMs !== undefined || query.value.untilMs !== undefined || input.invocation !== undefined;
  const request = { ...query.value, signal: context.signal };
  const bounded = { ...request, lines: lines ?? (many ? MANY_LINES : FEW_LINES) };
  if (!input.follow) return answer(await context.supervisor.readLogs(input.id, bounded), context);
  if (!context.accept.includes("text/event-stream"))
    return followFiles(input.id, lines === undefined && many ? request : bounded, input.places, context);
  if (input.invocation === undefined) return followLive(input.id, bounded, context);
  return err({ code: "invalid", message: "cannot accept invocation: server-sent events follow the unit from run to run" });
};

/** A longer response is sent as a stream, so that the limits of streams apply and clients that do not read cannot fill the memory. */
const LONG_CHARS = 256 << 10;

async function answer(found: Result<readonly LogLine[], ApiError>, { streams }: Context): Promise<Answer<"serviceLogs">> {
  if (!found.ok) return found;
  let chars = 0;
  for (const { text } of found.value) chars += text.length;
  if (chars <= LONG_CHARS) return ok([...found.value]);
  const past = found.value.map((line, i) => `${i === 0 ? "[" : ","}${JSON.stringify(line)}`);
  const body = { first: "", past: [...past, "]"], ping: "", isWhole: true };
  const opened = await streams.open({ type: "application/json", ...body, attach: async () => ok(() => {}) });
  return opened.ok ? opened.value : opened;
}

export const logs: Handler<"logs"> = async ({ units, lines, ...input }, context) => {
  const query = toQuery(input, context.nowMs);
  if (!query.ok) return query;
  const many = input.since !== undefined || input.until !== undefined;
  const request = { ...query.value, signal: context.signal, lines: lines ?? (many ? MANY_LINES : FEW_LINES) };
  const patterns = units.length === 0 ? ["*"] : units;
  if (input.follow) return followSeveral(patterns, request, context);
  return answer(await context.supervisor.readAllLogs(patterns, request), context);
};

export const rotateLogs: Handler<"rotateLogs"> = ({ id }, { supervisor }) => supervisor.rotateLogs(id);

type LogInput = Omit<Parsed<"logs">, "units" | "lines"> & Pick<Parsed<"serviceLogs">, "invocation" | "after">;

function toQuery(input: LogInput, nowMs: number): Result<LogRequest, ApiError> {
  if (input.follow && input.until !== undefined) return err({ code: "invalid", message: "cannot accept until: a followed log has no end" });
  if (!input.follow && input.after !== undefined)
    return err({ code: "invalid", message: "cannot accept after: it is an option of follow" });
  const since = input.since === undefined ? null : resolveWhen("since", input.since, nowMs);
  if (since && !since.ok) return since;
  const until = input.until === undefined ? null : resolveWhen("until", input.until, nowMs);
  if (until && !until.ok) return until;
  const grep = input.grep === undefined ? null : compile(input.grep);
  if (grep && !grep.ok) return grep;
  return ok({
    ...(since ? { sinceMs: since.value } : {}),
    ...(until ? { untilMs: until.value } : {}),
    ...(grep ? { grep: grep.value } : {}),
    ...(input.stream === undefined ? {} : { stream: input.stream }),
    ...(input.invocation === undefined ? {} : { invocation: input.invocation }),
    ...(input.after === undefined ? {} : { after: input.after }),
  });
}

function compile(source: string): Result<Pattern, ApiError> {
  const pattern = compilePattern(source);
  if (pattern.ok) return pattern;
  return err({
    code: "invalid",
    message: `cannot accept grep: not a regular expression: ${pattern.error}`,
    hint: "put a \\ before ( [ { * + ? . ^ $ | to match the character itself",
  });
}

import { EXIT, type ApiError } from "../../api/errors.ts";
import type { LogLineShape } from "../../api/shapes.ts";
import type { Input } from "../../api/contract.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { idsOf } from "../ids.ts";
import { OPTIONS } from "../options.ts";
import { fullLogLine, logLine, recordOf } from "../render/lines.ts";
import { prefixer } from "../render/prefix.ts";
import { safe } from "../render/safe.ts";
import { parseWhen } from "../when.ts";
import { lookOf } from "./status.ts";

type Query = Omit<Input<"serviceLogs">, "id">;
type Say = (unit: string, line: LogLineShape) => void;

export const run: Run = async (context) => {
  if (context.args[0] === "rotate" && context.args.length > 1) return rotate(context, context.args.slice(1));
  const query = queryOf(context);
  if (!query.ok) return context.fail(query.error);
  const ids = await idsOf(context, context.args);
  if (!ids.ok) return context.fail(ids.error);
  const say = sayer(context, ids.value);
  return context.options.follow ? follow(context, ids.value, query.value, say) : read(context, ids.value, query.value, say);
};

/** `sup logs rotate web db`. */
async function rotate(context: Context, patterns: readonly string[]): Promise<number> {
  const ids = await idsOf(context, patterns);
  if (!ids.ok) return context.fail(ids.error);
  for (const id of ids.value) {
    const answer = await context.client.call("rotateLogs", { id });
    if (!answer.ok) return context.fail(answer.error);
    if (context.options.json) context.json({ service_id: id, ...answer.value });
    else context.out(answer.value.rotated ? `${id}: a new log file was begun` : `${id}: nothing to rotate`);
  }
  return EXIT.done;
}

function queryOf({ options, host }: Context): Result<Query, ApiError> {
  const query: { -readonly [Key in keyof Query]: Query[Key] } = {};
  for (const name of ["since", "until"] as const) {
    const text = options[name];
    if (text === undefined) continue;
    const ms = parseWhen(text, host.now());
    if (ms === undefined) return err({ code: "bad-request", message: `cannot read --${name} ${text} as a time`, hint: WHEN_HINT });
    query[name] = new Date(ms).toISOString();
  }
  if (options.grep !== undefined) {
    try {
      new RegExp(options.grep);
    } catch (error) {
      return err({
        code: "bad-request",
        message: `cannot use --grep: ${(error as Error).message}`,
        hint: "quote it, and escape ( [ * + with \\",
      });
    }
    query.grep = options.grep;
  }
  if (options.follow && options.until !== undefined) {
    return err({ code: "bad-request", message: "cannot use --until with --follow: there is no end to wait for" });
  }
  const output = checkOutput(options);
  if (output) return err(output);
  if (options.stderr) query.stream = "stderr";
  if (options.lines !== undefined) query.lines = options.lines;
  return ok(query);
}

/** What is wrong with how the lines are to be shown. */
function checkOutput({ output, bare, json }: Context["options"]): ApiError | null {
  if (output === undefined) return null;
  const formats: readonly string[] = OPTIONS.output.values;
  if (!formats.includes(output)) {
    return { code: "bad-request", message: `cannot print as ${JSON.stringify(output)}`, hint: `write -o ${formats.join(", -o ")}` };
  }
  const other = bare ? "--bare" : json && output !== "json" ? "--json" : null;
  return other && { code: "bad-request", message: `cannot use -o ${output} with ${other}: they ask for different things` };
}

export const WHEN_HINT = "write 10m, 2h, today, yesterday, 20:15, 2026-11-22 or 2026-11-22T20:15";

async function read(context: Context, ids: readonly string[], query: Query, say: Say): Promise<number> {
  const merged: Array<{ id: string; line: LogLineShape }> = [];
  for (const id of ids) {
    const answer = await context.client.call("serviceLogs", { ...query, id });
    if (!answer.ok) return context.fail(answer.error);
    for (const line of answer.value) merged.push({ id, line });
  }
  // Stamps are UTC with nanoseconds, so their texts sort as they do; the sort is stable within a unit.
  if (ids.length > 1) merged.sort((a, b) => (a.line.time < b.line.time ? -1 : a.line.time > b.line.time ? 1 : 0));
  const { lines } = query;
  for (const { id, line } of lines === undefined || ids.length === 1 ? merged : lines === 0 ? [] : merged.slice(-lines)) say(id, line);
  return EXIT.done;
}

async function follow(context: Context, ids: readonly string[], query: Query, say: Say): Promise<number> {
  const one = async (id: string): Promise<number> => {
    for await (const message of context.client.follow({ ...query, id })) {
      if (!message.ok) return context.fail(message.error);
      if ("gap" in message.value)
        context.note(`sup: ${id}: ${message.value.gap} lines were too fast to follow; \`sup logs ${id}\` has them`);
      else say(id, message.value);
    }
    return EXIT.done;
  };
  return Math.max(...(await Promise.all(ids.map(one))));
}

function sayer(context: Context, ids: readonly string[]): Say {
  const { options, paint, out, json } = context;
  if (options.json || options.output === "json") return (id, line) => json({ ...line, service_id: id });
  if (options.bare) return (_, line) => out(safe(line.text));
  if (options.output === "cri") return (_, line) => out(recordOf(line));
  const look = lookOf(context);
  const shown = options.output === "short" ? (line: LogLineShape) => logLine(line, look) : (line: LogLineShape) => fullLogLine(line, paint);
  if (ids.length === 1) return (_, line) => out(shown(line));
  const prefix = prefixer(paint);
  prefix.expect(ids);
  return (id, line) => out(prefix.with(id, shown(line)));
}

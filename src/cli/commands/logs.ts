import { MANY_LINES } from "../../api/contract/limits.ts";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { LogLineShape } from "../../api/contract/shapes.ts";
import type { Input } from "../../api/contract/contract.ts";
import { RUN_NAME } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { idsOf } from "../requests/resolve-ids.ts";
import { OPTIONS } from "../table/options.ts";
import { fullLogLine, logLine, recordOf } from "../render/lines.ts";
import { prefixer } from "../render/prefix.ts";
import { safe } from "../render/safe.ts";
import { parseWhen } from "../parse/time.ts";
import { lookOf } from "./status.ts";

type Query = Omit<Input<"serviceLogs">, "id">;
type Say = ((unit: string, line: LogLineShape) => void) & { /** No line follows. */ end(): void };

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
  if (query.since !== undefined && query.until !== undefined && query.since > query.until) {
    const message = `cannot use --since ${options.since} with --until ${options.until}: it begins after its end`;
    return err({ code: "bad-request", message, hint: "change the two over" });
  }
  if (options.grep !== undefined) {
    try {
      new RegExp(options.grep);
    } catch (error) {
      return err({
        code: "bad-request",
        message: `cannot use --grep ${JSON.stringify(options.grep)}: ${(error as Error).message.replace(/^Invalid regular expression: /, "")}`,
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
  if (options.invocation !== undefined) {
    if (!RUN_NAME.test(options.invocation)) return err(badInvocation(options.invocation));
    query.invocation = options.invocation;
  }
  if (options.stderr) query.stream = "stderr";
  if (options.lines !== undefined) query.lines = options.lines;
  return ok(query);
}

/** What the daemon finds wrong with a query was typed here. */
const asUsage = (error: ApiError): ApiError => (error.code === "invalid" ? { ...error, code: "bad-request" } : error);

const badInvocation = (text: string): ApiError => ({
  code: "bad-request",
  message: `cannot use --invocation ${text}: it is no run`,
  hint: "0 is the latest run, -1 the one before; or at least 4 digits of an invocation id: `sup events UNIT` shows them",
});

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
  const found: Told[] = [];
  let refused: ApiError | null = null;
  for (const id of ids) {
    const answer = await context.client.call("serviceLogs", { ...query, id });
    if (answer.ok) {
      for (const line of answer.value) found.push({ id, line });
      if (query.lines === undefined && answer.value.length === MANY_LINES)
        context.note(`sup: these are the last ${MANY_LINES} lines of ${id}; -n shows more`);
    } else if (ids.length > 1 && answer.error.code === "not-found")
      refused ??= answer.error; // one of them has that run
    else return context.fail(asUsage(answer.error));
  }
  if ((query.since ?? query.until) !== undefined) noteTimeless(context, ids, found);
  if (refused && found.length === 0) return context.fail(refused);
  for (const { id, line } of merged(ids, found, query.lines)) say(id, line);
  say.end();
  return EXIT.done;
}

/** `log.format: "raw"`. */
function noteTimeless({ note }: Context, ids: readonly string[], found: readonly Told[]): void {
  for (const id of ids) {
    if (found.some((told) => told.id === id && told.line.time === ""))
      note(`sup: lines of ${id} have no time (its log is or was raw): they are shown whatever --since and --until say`);
  }
}

interface Told {
  readonly id: string;
  readonly line: LogLineShape;
}

/** Stamps are UTC with nanoseconds, so their texts sort as they do; the sort is stable within a unit. */
function merged(ids: readonly string[], found: Told[], lines: number | undefined): readonly Told[] {
  if (ids.length === 1) return found;
  found.sort((a, b) => (a.line.time < b.line.time ? -1 : a.line.time > b.line.time ? 1 : 0));
  return lines === undefined ? found : lines === 0 ? [] : found.slice(-lines);
}

/** What is there of all units is merged by time; what comes after is told as it comes. */
async function follow(context: Context, ids: readonly string[], query: Query, say: Say): Promise<number> {
  const past: Told[] = [];
  let waiting = ids.length;
  const begin = (): void => {
    if (--waiting > 0) return;
    for (const { id, line } of merged(ids, past, query.lines)) say(id, line);
  };
  const { note, client } = context;
  const failed = new Map<string, number>();
  /** What ends all of them alike is said once. */
  const fail = (error: ApiError): number => {
    const code = failed.get(error.message) ?? context.fail(error);
    failed.set(error.message, code);
    return code;
  };
  let noted = false;
  const bounded = ids.length > 1 && query.lines === undefined && query.since !== undefined ? { ...query, lines: MANY_LINES } : query;
  const one = async (id: string): Promise<number> => {
    let begun = false;
    for await (const message of client.follow({ ...bounded, id })) {
      if (!message.ok) {
        if (!begun) begin(); // the others are not held up
        return fail(asUsage(message.error));
      }
      const told = message.value;
      if ("begun" in told) {
        begun = true;
        begin();
      } else if ("waits" in told) {
        if (!noted) note(`sup: the daemon is gone; it has ${told.waits} seconds to come back`);
        noted = true;
      } else if ("gap" in told) {
        note(`sup: ${id}: lines are missing here: their file was deleted before it was read`);
      } else if (waiting > 0) past.push({ id, line: told });
      else say(id, told);
    }
    return EXIT.done;
  };
  const codes = await Promise.all(ids.map(one));
  say.end();
  return Math.max(...codes);
}

function sayer(context: Context, ids: readonly string[]): Say {
  return context.options.bare && !context.options.json ? bareSayer(context) : Object.assign(recordSayer(context, ids), { end: () => {} });
}

function recordSayer(context: Context, ids: readonly string[]): (unit: string, line: LogLineShape) => void {
  const { options, paint, out, json } = context;
  if (options.json || options.output === "json") return (id, line) => json({ ...line, service_id: id });
  if (options.output === "cri") return (_, line) => out(recordOf(line));
  const look = lookOf(context);
  const shown = options.output === "short" ? (line: LogLineShape) => logLine(line, look) : (line: LogLineShape) => fullLogLine(line, paint);
  if (ids.length === 1) return (_, line) => out(shown(line));
  const prefix = prefixer(paint);
  prefix.expect(ids);
  return (id, line) => out(prefix.with(id, shown(line)));
}

/** A line without an end is given one. */
const LONGEST_LINE = 16 << 20;

/** The text alone, and whole lines of it: other programs read it, one record a line as often as not. */
function bareSayer({ out }: Context): Say {
  const open = new Map<string, string>();
  const say = (id: string, { stream, full, text }: LogLineShape): void => {
    const key = `${id} ${stream}`;
    const line = (open.get(key) ?? "") + text;
    open.delete(key);
    if (full || line.length > LONGEST_LINE) out(safe(line));
    else open.set(key, line);
  };
  const end = (): void => {
    for (const rest of open.values()) out(safe(rest));
    open.clear();
  };
  return Object.assign(say, { end });
}

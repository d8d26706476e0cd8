import { MANY_LINES } from "../../api/contract/limits.ts";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { LogLineShape } from "../../api/contract/shapes.ts";
import type { Input } from "../../api/contract/contract.ts";
import { RUN_NAME } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { resolveIds } from "../requests/resolve-ids.ts";
import { OPTIONS } from "../table/options.ts";
import { fullLogLine, logLine, recordOf } from "../render/lines.ts";
import { prefixer } from "../render/prefix.ts";
import { safe } from "../render/safe.ts";
import { parseTime } from "../parse/time.ts";
import { styleOf } from "./status.ts";

type Query = Omit<Input<"serviceLogs">, "id">;
type Printer = ((unit: string, line: LogLineShape) => void) & { /** Called after the last line. */ end(): void };

export const run: Run = async (context) => {
  if (context.args[0] === "rotate" && context.args.length > 1) return rotate(context, context.args.slice(1));
  const query = queryOf(context);
  if (!query.ok) return context.fail(query.error);
  const ids = context.args.length === 0 ? await allIds(context) : await resolveIds(context, context.args);
  if (!ids.ok) return context.fail(ids.error);
  const print = printerFor(context, ids.value);
  return context.options.follow ? follow(context, ids.value, query.value, print) : read(context, ids.value, query.value, print);
};

async function allIds({ client }: Context): Promise<Result<readonly string[], ApiError>> {
  const answer = await client.call("status");
  return answer.ok ? ok(answer.value.services.map(({ id }) => id)) : answer;
}

/** Runs `sup logs rotate UNIT…`, which starts a new log file for each unit. */
async function rotate(context: Context, patterns: readonly string[]): Promise<number> {
  const ids = await resolveIds(context, patterns);
  if (!ids.ok) return context.fail(ids.error);
  for (const id of ids.value) {
    const answer = await context.client.call("rotateLogs", { id });
    if (!answer.ok) return context.fail(answer.error);
    if (context.options.json) context.json({ service_id: id, ...answer.value });
    else context.out(answer.value.rotated ? `${id}: started a new log file` : `${id}: nothing to rotate`);
  }
  return EXIT.done;
}

function queryOf({ options, host }: Context): Result<Query, ApiError> {
  const query: { -readonly [Key in keyof Query]: Query[Key] } = {};
  for (const name of ["since", "until"] as const) {
    const text = options[name];
    if (text === undefined) continue;
    const ms = parseTime(text, host.now());
    if (ms === undefined) return err({ code: "bad-request", message: `cannot read --${name} ${text} as a time`, hint: WHEN_HINT });
    query[name] = new Date(ms).toISOString();
  }
  if (query.since !== undefined && query.until !== undefined && query.since > query.until) {
    const message = `cannot use --since ${options.since} with --until ${options.until}: the range would end before it begins`;
    return err({ code: "bad-request", message, hint: "swap the two times" });
  }
  if (options.grep !== undefined) {
    try {
      new RegExp(options.grep);
    } catch (error) {
      return err({
        code: "bad-request",
        message: `cannot use --grep ${JSON.stringify(options.grep)}: ${(error as Error).message.replace(/^Invalid regular expression: /, "")}`,
        hint: "quote the expression, and escape ( [ * + with \\",
      });
    }
    query.grep = options.grep;
  }
  if (options.follow && options.until !== undefined) {
    return err({ code: "bad-request", message: "cannot use --until with --follow" });
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

/** Turns the daemon's error `invalid` into a usage error, because the invalid query came from the command line. */
const asUsage = (error: ApiError): ApiError => (error.code === "invalid" ? { ...error, code: "bad-request" } : error);

const badInvocation = (text: string): ApiError => ({
  code: "bad-request",
  message: `cannot use --invocation ${text}: it is not an invocation`,
  hint: "0 is the latest run, -1 the one before; or give at least 4 digits of an invocation id, shown by `sup events UNIT`",
});

/** Returns an error if the options that choose the output format contradict each other, or null. */
function checkOutput({ output, bare, json }: Context["options"]): ApiError | null {
  if (output === undefined) return null;
  const formats: readonly string[] = OPTIONS.output.values;
  if (!formats.includes(output)) {
    return { code: "bad-request", message: `cannot print as ${JSON.stringify(output)}`, hint: `write -o ${formats.join(", -o ")}` };
  }
  const other = bare ? "--bare" : json && output !== "json" ? "--json" : null;
  return other && { code: "bad-request", message: `cannot use -o ${output} with ${other}: choose one format` };
}

export const WHEN_HINT = "use 10m, 2h, today, yesterday, 20:15, 2026-11-22 or 2026-11-22T20:15";

async function read(context: Context, ids: readonly string[], query: Query, print: Printer): Promise<number> {
  const found: UnitLine[] = [];
  let refused: ApiError | null = null;
  for (const id of ids) {
    const answer = await context.client.call("serviceLogs", { ...query, id });
    if (answer.ok) {
      for (const line of answer.value) found.push({ id, line });
      if (query.lines === undefined && answer.value.length === MANY_LINES)
        context.note(`sup: showing the last ${MANY_LINES} lines of ${id}; use -n for more`);
    } else if (ids.length > 1 && answer.error.code === "not-found")
      refused ??= answer.error; // another unit may have the run that --invocation names
    else return context.fail(asUsage(answer.error));
  }
  if ((query.since ?? query.until) !== undefined) noteTimeless(context, ids, found);
  if (refused && found.length === 0) return context.fail(refused);
  for (const { id, line } of merged(ids, found, query.lines)) print(id, line);
  print.end();
  return EXIT.done;
}

/** Notes that --since and --until do not select lines without a time. A log with `log.format: "raw"` has such lines. */
function noteTimeless({ note }: Context, ids: readonly string[], found: readonly UnitLine[]): void {
  for (const id of ids) {
    if (found.some((one) => one.id === id && one.line.time === ""))
      note(`sup: lines of ${id} without a time (raw log format) are shown regardless of --since and --until`);
  }
}

interface UnitLine {
  readonly id: string;
  readonly line: LogLineShape;
}

/**
 * Merges the lines of several units by time. The times are UTC strings with nanoseconds, so they sort as strings. The sort is
 * stable, so that each unit's lines stay in order.
 */
function merged(ids: readonly string[], found: UnitLine[], lines: number | undefined): readonly UnitLine[] {
  if (ids.length === 1) return found;
  found.sort((a, b) => (a.line.time < b.line.time ? -1 : a.line.time > b.line.time ? 1 : 0));
  return lines === undefined ? found : lines === 0 ? [] : found.slice(-lines);
}

/** Prints the existing lines of all units merged by time, and then each new line when it arrives. */
async function follow(context: Context, ids: readonly string[], query: Query, print: Printer): Promise<number> {
  const past: UnitLine[] = [];
  let waiting = ids.length;
  const unitIsReady = (): void => {
    if (--waiting > 0) return;
    for (const { id, line } of merged(ids, past, query.lines)) print(id, line);
  };
  const { note, client } = context;
  const failed = new Map<string, number>();
  /** Prints an error and returns its exit code. If the same error ends several streams, it is printed only once. */
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
        if (!begun) unitIsReady(); // the other units' lines wait until every unit is ready
        return fail(asUsage(message.error));
      }
      const part = message.value;
      if ("begun" in part) {
        begun = true;
        unitIsReady();
      } else if ("waits" in part) {
        if (!noted) note(`sup: the daemon is not running; waiting up to ${part.waits} s for it to return`);
        noted = true;
      } else if ("gap" in part) {
        note(`sup: ${id}: lines are missing here: their log file was deleted before it was read`);
      } else if (waiting > 0) past.push({ id, line: part });
      else print(id, part);
    }
    return EXIT.done;
  };
  const codes = await Promise.all(ids.map(one));
  print.end();
  return Math.max(...codes);
}

function printerFor(context: Context, ids: readonly string[]): Printer {
  return context.options.bare && !context.options.json
    ? barePrinter(context)
    : Object.assign(recordPrinter(context, ids), { end: () => {} });
}

function recordPrinter(context: Context, ids: readonly string[]): (unit: string, line: LogLineShape) => void {
  const { options, paint, out, json } = context;
  if (options.json || options.output === "json") return (id, line) => json({ ...line, service_id: id });
  if (options.output === "cri") return (_, line) => out(recordOf(line));
  const style = styleOf(context);
  const shown =
    options.output === "short" ? (line: LogLineShape) => logLine(line, style) : (line: LogLineShape) => fullLogLine(line, paint);
  if (ids.length === 1) return (_, line) => out(shown(line));
  const prefix = prefixer(paint);
  prefix.expect(ids);
  return (id, line) => out(prefix.with(id, shown(line)));
}

/** The maximum length in characters of a joined line. Longer lines are split, so that memory stays bounded. */
const LONGEST_LINE = 16 << 20;

/**
 * Returns a printer that prints only the text of lines. It joins the parts of long lines, because programs that read the output
 * often expect one record per line.
 */
function barePrinter({ out }: Context): Printer {
  const open = new Map<string, string>();
  const print = (id: string, { stream, full, text }: LogLineShape): void => {
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
  return Object.assign(print, { end });
}

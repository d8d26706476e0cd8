import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { DiffSide, UnitDiff } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { RUN_NAME, stripSuffix } from "../../base/names.ts";
import type { Run } from "../context.ts";
import { layOut, type Column } from "../render/columns.ts";
import { safe, safeCell } from "../render/safe.ts";
import { memory, percent } from "../render/state.ts";
import { tableOptions, type TableStyle } from "../render/status-table.ts";
import { shortTime } from "../render/time.ts";
import { styleOf } from "./status.ts";

export const run: Run = async (context) => {
  const { between } = context.options;
  const problem = between === undefined ? null : problemOf(between);
  if (problem !== null) return context.fail(problem);
  const [from, to] = between ?? [];
  const runs = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  const answer = await context.client.call("diff", { id: stripSuffix(context.args[0]!), ...runs });
  if (!answer.ok) return context.fail(answer.error);
  if (context.options.json) context.json(answer.value);
  else context.out((answer.value.units ?? [answer.value]).map((unit) => describe(unit, styleOf(context))).join("\n\n"));
  return EXIT.done;
};

const HINT = "name two runs after the unit: `sup diff UNIT --between -1 0`; 0 is the latest run, -1 the one before; or use invocation ids";

function problemOf(between: readonly string[]): ApiError | null {
  const bad = between.find((name) => !RUN_NAME.test(name));
  if (bad !== undefined) return { code: "bad-request", message: `cannot use --between: ${JSON.stringify(bad)} is not a run`, hint: HINT };
  if (between.length === 2) return null;
  return { code: "bad-request", message: `cannot use --between: it takes 2 runs, not ${between.length}`, hint: HINT };
}

function describe({ id, before, after, changes, unknown }: UnitDiff, style: TableStyle): string {
  const { paint, now } = style;
  const lines = changes.map(({ time, text }) => `  ${paint("dim", shortTime(time, now))} ${safe(text)}`);
  const nothing = unknown.length === 0 ? ["  Nothing: both runs had the same executable, files, environment and settings."] : [];
  const changed = [...(lines.length > 0 ? lines : nothing), ...unknown.map((text) => `  ${paint("dim", safe(text))}`)];
  const table = layOut(COLUMNS, rowsOf(before, after, now), tableOptions(style)).map((line) => `  ${line}`);
  return [paint("bold", safe(id)), "", paint("bold", "What changed"), ...changed, "", paint("bold", "Before and after"), ...table].join(
    "\n",
  );
}

const COLUMNS: readonly Column[] = [{ title: "" }, { title: "BEFORE" }, { title: "AFTER" }];

/** Characters of an invocation id that are shown. */
const SHORT_ID = 8;

function rowsOf(before: DiffSide, after: DiffSide, now: number) {
  const row = (title: string, show: (side: DiffSide) => string) =>
    [title, show(before), show(after)].map((text) => ({ text: safeCell(text) }));
  const rate = (value: number | null): string => (value === null ? "" : `${value < 0 ? "-" : "+"}${memory(Math.abs(value))} per hour`);
  return [
    row("invocation", ({ invocation }) => invocation.slice(0, SHORT_ID)),
    row("started", ({ started }) => shortTime(started, now)),
    row("duration", ({ seconds, ended }) => `${formatDuration(seconds * 1000)}${ended === null ? " so far" : ""}`),
    row("exit", ({ exit, failed }) => exit ?? (failed ? "unhealthy" : "-")),
    row("runs", ({ runs, failures }) => `${runs} (${failures} failed)`),
    row("memory", ({ memory_mb }) => memory(memory_mb)),
    row("memory slope", ({ memory_mb_per_hour }) => rate(memory_mb_per_hour)),
    row("cpu", ({ cpu_percent }) => percent(cpu_percent)),
    row("response time", ({ response_time_ms: ms }) => (ms === null ? "" : `${ms.toFixed(ms < 10 ? 1 : 0)}ms`)),
    row("error lines", ({ error_lines }) => (error_lines === null ? "" : String(error_lines))),
  ].filter((cells) => cells.slice(1).some(({ text }) => text !== "" && text !== "-") || cells[0]!.text === "exit");
}

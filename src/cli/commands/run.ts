import { resolve } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { escapeText } from "../../spec/load/specifiers.ts";
import { notStarted } from "../requests/not-started.ts";
import { exitOf } from "../requests/run-action.ts";
import { targetOf, type Context, type Run } from "../context.ts";
import { lineText } from "../render/lines.ts";
import { safe } from "../render/safe.ts";

export const run: Run = async (context) => {
  const unit = unitOf(context);
  if (!unit.ok) return context.fail(unit.error);
  const { name, tty } = context.options;
  const request = { ...(name !== undefined && { name }), unit: unit.value };
  if (tty) return (await import("../screen/run-on-terminal.ts")).runOnTerminal(context, request);
  return context.options.follow ? followWithStdin(context, request) : start(context, request);
};

type Keys = Record<string, unknown>;
interface Request {
  readonly name?: string;
  readonly unit: Keys;
  readonly stdin?: string;
}

async function start(context: Context, request: Request): Promise<number> {
  const answer = await context.client.call("run", { ...request, wait: context.options.wait !== false });
  if (!answer.ok) return context.fail(answer.error);
  const { id, outcome } = answer.value;
  if (context.options.json) context.json(answer.value);
  else if (outcome.result === "failed")
    context.note(`${safe(id)}: ${context.paint("red", safe(outcome.message))}. See: sup events ${safe(id)}`);
  else context.out(`${safe(id)}: ${safe(outcome.message)}`);
  return exitOf([outcome]);
}

/** Follows the command and passes on standard input. A daemon behind a URL gets no standard input, because it may be on another machine. */
async function followWithStdin(context: Context, request: Request): Promise<number> {
  const { host, options, places } = context;
  if (targetOf(host, options, places).kind === "url") return follow(context, request, () => {});
  const stdin = await host.passStdin(places.runtime);
  if (!stdin.ok) {
    const message = `cannot pass standard input on: ${stdin.error}`;
    return context.fail({ code: "failed", message, hint: "to run without input, add < /dev/null" });
  }
  if (stdin.value === null) return follow(context, request, () => {});
  const { name, begin, end } = stdin.value;
  try {
    return await follow(context, { ...request, stdin: name }, begin);
  } finally {
    end();
  }
}

/**
 * Prints the output of the command until it ends, and returns its exit code. Ctrl-C ends only the printing, and the unit
 * keeps running. Calls `onDefined` when the unit exists and the daemon has opened the unit's standard input.
 */
async function follow(context: Context, request: Request, onDefined: () => void): Promise<number> {
  let id = "";
  let missed = 0;
  for await (const message of context.client.followRun(request)) {
    if (!message.ok) return context.fail(message.error);
    const part = message.value;
    if (context.options.json) context.json(part);
    else if ("time" in part) (part.stream === "stderr" ? context.note : context.out)(lineText(part, context.paint));
    else if ("gap" in part) missed += part.gap;
    if ("id" in part) {
      id = part.id;
      onDefined();
      if (!context.options.json) context.note(`sup: running as ${safe(id)}; Ctrl-C leaves it running, \`sup stop ${safe(id)}\` stops it`);
    }
    if (!("end" in part)) continue;
    const { exit_code: code, reason, message: words } = part.end;
    if (code === null || code > 128 || reason !== "success") context.note(`sup: ${safe(id)}: ${safe(words || reason)}`);
    if (missed > 0) context.note(`sup: ${missed} lines came too fast to be printed; \`sup logs ${safe(id)}\` has them`);
    return code ?? notStarted(words);
  }
  return context.fail({
    code: "unreachable",
    message: `the daemon ended or restarted; ${id} may still be running`,
    hint: `see \`sup status ${id}\``,
  });
}

/**
 * Converts the command line to a unit file. Specifiers and variables in the command, its arguments, the environment and the
 * directory are escaped, because the caller's shell has already expanded them. Values of --set are not escaped, because they are
 * values of a unit file.
 */
function unitOf({ args, host, options }: Context): Result<Keys, ApiError> {
  const more = pairs(options.set ?? [], "--set", "KEY=VALUE, such as restart_policy.max_retries=3");
  if (!more.ok) return more;
  const environment = pairs([...(options.tty ? ofTerminal(host.env) : []), ...(options.env ?? [])], "--env", "NAME=VALUE");
  if (!environment.ok) return environment;
  const isShell = more.value.some(([key, text]) => key === "shell" && text === "true");
  const [command = "", ...rest] = args;
  const directory = options.url === undefined ? resolve(options.dir ?? ".") : options.dir;
  const unit: Keys = {
    description: args.join(" ").slice(0, 200),
    command: escapeText(command, { variables: !isShell }),
    args: rest.map((text) => escapeText(text)),
    auto_restart: options.restart ?? false,
    ...(directory !== undefined && { working_directory: escapeText(directory) }),
    ...(options.user !== undefined && { user: options.user }),
    ...(environment.value.length > 0 && {
      environment: Object.fromEntries(environment.value.map(([name, text]) => [name, escapeText(text)])),
    }),
  };
  if (options.tty) unit.tty = true;
  for (const [key, text] of more.value) place(unit, key.split("."), valueOf(text));
  return ok(unit);
}

/** The variables that describe this terminal to a program. */
const ofTerminal = (env: Context["host"]["env"]): string[] =>
  ["TERM", "COLORTERM"].flatMap((name) => (env[name] ? [`${name}=${env[name]}`] : []));

function pairs(texts: readonly string[], option: string, form: string): Result<Array<[string, string]>, ApiError> {
  const found: Array<[string, string]> = [];
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals < 1) return err({ code: "bad-request", message: `cannot use ${option} ${text}`, hint: `write ${option} ${form}` });
    found.push([text.slice(0, equals), text.slice(equals + 1)]);
  }
  return ok(found);
}

/**
 * Parses a value as JSON, or returns the text itself if it is not JSON. Examples are `nice=5`, `type=oneshot` and
 * `dependencies=["db"]`.
 */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function place(into: Keys, [first, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) into[first!] = value;
  else {
    const inner = into[first!];
    const object: Keys = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? (inner as Keys) : {};
    into[first!] = object;
    place(object, rest, value);
  }
}

import { resolve } from "node:path";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import { isTemplate, isUnitId, NAME_HINT, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { isSecretName } from "../../spec/redact.ts";
import { daemonLives, type Context, type Run } from "../context.ts";
import { isMask } from "../files/masks.ts";
import { readCommand, type ReadCommand } from "../new/command-line.ts";
import { draftUnit } from "../new/command-path.ts";
import { hasErrors, takenBy, writeDraft } from "../new/draft.ts";
import { readHealth } from "../new/health.ts";
import { describeProblem } from "../render/problem.ts";
import { safe } from "../render/safe.ts";

export const run: Run = async (context) => {
  const { args, options, paint } = context;
  const name = stripSuffix(args[0]!);
  const refusal = refuseName(context, name);
  if (refusal !== null) return context.fail(refusal);
  const command = readCommand(args.slice(1), resolve(options.dir ?? "."));
  if (!command.ok) return context.fail(command.error);
  const answers = await ask(context);
  const unit = unitOf(context, command.value, answers);
  if (!unit.ok) return context.fail(unit.error);
  const draft = await draftUnit(context, name, unit.value, ["Written by `sup new`. `sup help unit` lists all keys."]);
  const notes = [...command.value.notes, ...(draft.note === null ? [] : [draft.note]), ...secretNotes(unit.value)];
  const isBad = hasErrors(draft);
  const writes = !isBad && !options.stdout;
  if (writes) writeDraft(draft);
  if (options.json) {
    context.json({ file: draft.file, written: writes, unit: unit.value, problems: draft.problems, notes });
    return isBad ? EXIT.failed : EXIT.done;
  }
  for (const problem of draft.problems) context.note(describeProblem(problem, paint, draft.text));
  for (const note of options.quiet ? [] : notes) context.note(`sup: ${paint("yellow", "note:")} ${safe(note)}`);
  if (isBad)
    return context.fail({
      code: "invalid",
      message: `cannot create ${name}: its unit file would have errors`,
      hint: "nothing was written",
    });
  if (options.stdout) context.out(draft.text.trimEnd().split("\n").map(safe).join("\n"));
  else if (!options.quiet) context.out(nextSteps(context, name, draft.file));
  return EXIT.done;
};

function refuseName(context: Context, name: string): ApiError | null {
  if (!isUnitId(name) || name.includes("@"))
    return {
      code: "bad-request",
      message: `cannot use ${name} as the name of a unit`,
      hint: isTemplate(name) ? "write templates with an editor: docs/units.md" : NAME_HINT,
    };
  const taken = context.options.stdout ? undefined : takenBy(context, name);
  if (taken === undefined) return null;
  if (isMask(taken))
    return { code: "conflict", message: `cannot create ${name}: it is masked by ${taken}`, hint: `\`sup unmask ${name}\`` };
  if (context.options.overwrite) return null;
  return {
    code: "conflict",
    message: `cannot create ${name}: ${taken} exists`,
    hint: `\`sup edit ${name}\` changes it, --force replaces it`,
  };
}

interface Answers {
  readonly port: number | undefined;
  readonly health: string | undefined;
  readonly user: string | undefined;
}

/** Asks for values that no option gives, if a person is at the terminal. An empty answer leaves the value unset. */
async function ask({ host, options }: Context): Promise<Answers> {
  const { port, health, user } = options;
  const isPerson = host.isTerminal(0) && host.isTerminal(1) && !options.json && !options.quiet && !options.stdout;
  if (!isPerson) return { port, health, user };
  const question = async (words: string): Promise<string | undefined> => (await host.question(words)).trim() || undefined;
  const readPort = async (): Promise<number | undefined> => {
    for (;;) {
      const text = await question("Port that it listens on (Enter for none): ");
      if (text === undefined || /^[1-9]\d{0,4}$/.test(text)) return text === undefined ? undefined : Number(text);
    }
  };
  const givenPort = port ?? (await readPort());
  const checks = givenPort === undefined ? "a URL" : "a path such as /healthz, a URL";
  return {
    port: givenPort,
    health:
      health ?? (await question(`Health check: ${checks} (Enter for ${givenPort === undefined ? "none" : "a connection to the port"}): `)),
    user: user ?? (host.uid === 0 ? await question("User to run as (Enter for root): ") : undefined),
  };
}

type Keys = Readonly<Record<string, unknown>>;

function unitOf({ args, options }: Context, { keys }: ReadCommand, { port, health, user }: Answers): Result<Keys, ApiError> {
  const check = readHealth(health, port);
  if (!check.ok) return check;
  const bad = (options.env ?? []).find((text) => text.indexOf("=") < 1);
  if (bad !== undefined) return err({ code: "bad-request", message: `cannot use --env ${bad}`, hint: "write --env NAME=VALUE" });
  const more = Object.fromEntries(
    (options.env ?? []).map((text) => [
      text.slice(0, text.indexOf("=")),
      text
        .slice(text.indexOf("=") + 1)
        .replaceAll("%", "%%")
        .replaceAll("${", () => "$${"),
    ]),
  );
  const { command, args: rest, shell, working_directory, environment } = keys;
  const variables = { ...environment, ...more };
  return ok({
    description: options.description ?? args.slice(1).join(" ").slice(0, 200),
    enabled: true,
    command,
    ...(rest !== undefined && { args: rest }),
    ...(shell !== undefined && { shell }),
    working_directory,
    ...(user !== undefined && { user }),
    ...(Object.keys(variables).length > 0 && { environment: variables }),
    ...(port !== undefined && { port }),
    ...(check.value !== null && { health_check: check.value }),
  });
}

/** Returns notes about variables that may be secrets, because everybody on the machine can read a unit file. */
function secretNotes({ environment }: Keys): string[] {
  const names = Object.keys((environment as Keys | undefined) ?? {}).filter(isSecretName);
  if (names.length === 0) return [];
  const file = 'a file that only the service can read, and name it in "environment_files"';
  return [
    `${names.join(", ")} ${names.length === 1 ? "looks like a secret" : "look like secrets"}: every user can read the unit file; put the value in ${file}`,
  ];
}

function nextSteps(context: Context, name: string, file: string): string {
  const { host, places, paint, options } = context;
  const lives = daemonLives(host, places);
  const steps = [
    ...(lives ? [] : [["sup daemon start", "starts the daemon, and with it the enabled units"]]),
    ...(lives && options.overwrite ? [["sup reload", "applies the changed file"]] : []),
    [`sup start ${name}`, "starts it, and waits until it is ready"],
    [`sup logs -f ${name}`, "follows its output"],
    [`sup why ${name}`, "if something is wrong: what happened, and what comes next"],
  ];
  const width = Math.max(...steps.map(([command = ""]) => command.length));
  return [
    `${paint("green", "Wrote")} ${safe(file)}`,
    lives && !options.overwrite ? "The daemon starts it now, and at every boot of the daemon." : "It starts with the daemon.",
    "Next:",
    ...steps.map(([command = "", words = ""]) => `  ${command.padEnd(width)}   ${paint("dim", words)}`),
  ].join("\n");
}

import { Command, CommanderError, InvalidArgumentError, Option, Argument } from "commander";
import { EXIT, type ApiError } from "../api/contract/errors.ts";
import { CATALOG, THEMES, type CommandRow } from "./table/commands.ts";
import { speaker } from "./context.ts";
import type { Parsed } from "./fast.ts";
import type { Host } from "./host.ts";
import { GLOBAL, OPTIONS, readCount, type OptionName, type OptionRow, type Options } from "./table/options.ts";
import { wantsColour } from "./render/paint.ts";
import { helpStyles } from "./render/help.ts";
import { ABOUT, EXAMPLES, EXIT_CODES } from "./table/about.ts";

/** Commander's side: help, mistakes and unusual spellings. The parsed command line, or the exit code when all is said. */
export function parseFully(argv: readonly string[], host: Host): Parsed | number {
  const asJson = argv.includes("--json");
  // The whole help is no answer to `help nonsense`: taken as a command, it is the mistake that it is.
  if (argv[0] === "help" && argv[1] !== undefined && !isKnown(argv[1])) return parseFully(argv.slice(1), host);
  const said: string[] = [];
  let parsed: Parsed | undefined;
  const program = build(host, said, (found) => (parsed = found));
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.help" && argv.length === 0) return EXIT.usage;
    if (error.exitCode === 0 || error.code === "commander.help") return EXIT.done;
    return speaker(host, { json: asJson }).fail(usageError(error.message || said.join("")));
  }
  return parsed ?? EXIT.usage;
}

const isKnown = (word: string): boolean =>
  word === "help" || word.startsWith("-") || CATALOG.some(({ name, aliases }) => name === word || aliases?.includes(word));

/** Commander's words, `error: unknown option '--jsn'\n(Did you mean --json?)`, as message and hint. */
function usageError(words: string): ApiError {
  const [first = "", ...rest] = words.trim().split("\n");
  const hint = rest.join(" ").replace(/^\(|\)$/g, "");
  return { code: "bad-request", message: first.replace(/^error: /, ""), hint: hint || "see `sup help`, or `sup help COMMAND`" };
}

function build(host: Host, said: string[], found: (parsed: Parsed) => void): Command {
  const program = new Command("sup")
    .description(ABOUT)
    .usage("COMMAND [UNIT…] [options]")
    .exitOverride()
    .configureOutput(outputs(host, said))
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => `${command.name()} ${command.registeredArguments.map(shortArgument).join(" ")}`.trim(),
      ...helpStyles(() => wantsColour(host, undefined)),
    })
    .addHelpText("after", FOOTER)
    .helpCommand("help [command]", "this help, or that of a command; help unit, help settings: the keys of the files")
    .commandsGroup("Help:")
    .showSuggestionAfterError(true);
  for (const name of GLOBAL) program.addOption(optionOf(name));
  for (const theme of THEMES) for (const row of CATALOG) if (row.theme === theme) addCommand(program, row, found);
  return program;
}

const shortArgument = (argument: Argument): string => {
  const name = argument.argChoices?.join("|") ?? `${argument.name().toUpperCase()}${argument.variadic ? "…" : ""}`;
  return argument.required ? name : `[${name}]`;
};

function outputs(host: Host, said: string[]) {
  return {
    writeOut: (text: string) => host.write(1, text),
    // What commander would print of an error is kept, and said in one place with the hint.
    writeErr: (text: string) => void (said.push(text), isHelp(text) && host.write(2, text)),
    outputError: (text: string) => void said.push(text),
    getOutHelpWidth: () => host.columns() ?? 100,
    getErrHelpWidth: () => host.columns() ?? 100,
    getOutHasColors: () => wantsColour(host, undefined),
    getErrHasColors: () => wantsColour(host, undefined),
  };
}

const isHelp = (text: string): boolean => !text.startsWith("error:");

function addCommand(program: Command, row: CommandRow, found: (parsed: Parsed) => void): void {
  const command = program
    .command(row.name, { hidden: row.hidden ?? false })
    .summary(row.summary)
    .description(describe(row))
    .helpGroup(`${row.theme}:`);
  if (row.aliases) command.aliases([...row.aliases]);
  if (row.takes) {
    const argument = new Argument(row.takes);
    command.addArgument(row.choices ? argument.choices(row.choices) : argument);
  }
  for (const name of row.options) command.addOption(optionOf(name));
  command.addHelpText("after", `\nExamples:\n${row.examples.map((example) => `  ${example}`).join("\n")}`);
  command.action(() => found({ row, args: command.args, options: optionsOf(command) }));
}

const describe = (row: CommandRow): string => {
  const first = `${row.summary[0]!.toUpperCase()}${row.summary.slice(1)}.`;
  return row.details ? `${first}\n\n${row.details}` : first;
};

function optionOf(name: OptionName): Option {
  const row: OptionRow = OPTIONS[name];
  const option = new Option(row.flags, row.words);
  if (row.kind === "list") option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
  if (row.kind === "count") {
    option.argParser((text: string) => {
      const count = readCount(text);
      if (count === undefined) throw new InvalidArgumentError("It must be a whole number from 0.");
      return count;
    });
  }
  option.attributeName = () => name; // a shared spelling has several
  return row.hidden ? option.hideHelp() : option;
}

/** Only what was given: commander fills in `wait: true` for `--no-wait`. */
function optionsOf(command: Command): Options {
  const entries = Object.entries(command.optsWithGlobals() as Record<string, unknown>);
  return Object.fromEntries(entries.filter(([name, value]) => value !== undefined && !(isNegated(name) && value === true))) as Options;
}

const isNegated = (name: string): boolean => OPTIONS[name as OptionName]?.flags.includes("--no-") ?? false;

const FOOTER = `
Examples:
${EXAMPLES.map(([line, meaning]) => `  ${line.padEnd(32)} ${meaning}`.trimEnd()).join("\n")}

Exit codes: ${EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`).join(", ")}.`;

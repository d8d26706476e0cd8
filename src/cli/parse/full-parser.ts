import { Command, CommanderError, InvalidArgumentError, Option, Argument } from "commander";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import { findRow, THEMES, type CommandRow } from "../table/command-row.ts";
import type { Command as TableCommand } from "../table/command.ts";
import { COMMANDS } from "../table/commands.ts";
import { makeOutput } from "../context.ts";
import type { Parsed } from "./fast-parser.ts";
import type { Host } from "../host.ts";
import { GLOBAL, OPTIONS, readCount, type OptionName, type OptionRow, type Options } from "../table/options.ts";
import { wantsColour } from "../render/paint.ts";
import { helpStyles } from "../render/help.ts";
import { ABOUT, EXAMPLES, EXIT_CODES } from "../help/about.ts";

/**
 * Parses a command line with commander, which also prints help and explains mistakes. Returns the exit code if there is no
 * command to run, for example after printing help.
 */
export function parseFully(argv: readonly string[], host: Host): Parsed | number {
  const asJson = argv.includes("--json");
  // For `help nonsense`, commander would print the general help. If `nonsense` is parsed as a command, it is reported as unknown.
  if (argv[0] === "help" && argv[1] !== undefined && !isKnown(argv[1])) return parseFully(argv.slice(1), host);
  const errors: string[] = [];
  let parsed: Parsed | undefined;
  const program = build(host, errors, (found) => (parsed = found));
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.help" && argv.length === 0) return EXIT.usage;
    if (error.exitCode === 0 || error.code === "commander.help") return EXIT.done;
    return makeOutput(host, { json: asJson }).fail(usageError(error.message || errors.join("")));
  }
  return parsed ?? EXIT.usage;
}

const isKnown = (word: string): boolean => word === "help" || word.startsWith("-") || findRow(COMMANDS, word) !== undefined;

/** Splits commander's message, such as `error: unknown option '--jsn'\n(Did you mean --json?)`, into message and hint. */
function usageError(text: string): ApiError {
  const [first = "", ...rest] = text.trim().split("\n");
  const unknown = /unknown command '(.*)'/.exec(first)?.[1] ?? "";
  const hint = OTHERS_WORDS.get(unknown) ?? rest.join(" ").replace(/^\(|\)$/g, "");
  return { code: "bad-request", message: first.replace(/^error: /, ""), hint: hint || "see `sup help`, or `sup help COMMAND`" };
}

/** Commands of other supervisors (systemctl, supervisorctl, pm2, docker) that users may type by habit. */
const OTHERS_WORDS: ReadonlyMap<string, string> = new Map(
  [
    ["ps list-units", "`sup status` shows all units, `sup top` their CPU and memory"],
    ["monit stats htop", "`sup top` shows CPU and memory live, `sup dashboard` opens the web page"],
    ["tail log journal journalctl", "`sup logs -f UNIT` follows the output"],
    ["rm delete del remove", "`sup stop UNIT`, remove its unit file, then `sup reload`"],
    ["info describe inspect", "`sup status UNIT` shows its state, `sup show UNIT` its settings"],
    ["update reread daemon-reexec", "`sup reload` applies changed unit files"],
    ["shutdown quit exit", "`sup daemon stop` stops all units and the daemon"],
    ["startup", "`sup install-service` starts the daemon at every boot"],
    ["add create", "`sup new NAME -- COMMAND` writes a unit file, `sup init` proposes some for a directory"],
    ["exec", "`sup run -f -- COMMAND` runs a command"],
    ["flush", "`sup logs rotate UNIT` starts a new log file"],
    ["check lint validate", "`sup verify` checks unit files"],
  ].flatMap(([words, hint]) => words!.split(" ").map((word) => [word, hint!] as const)),
);

function build(host: Host, errors: string[], found: (parsed: Parsed) => void): Command {
  const program = new Command("sup")
    .description(ABOUT)
    .usage("COMMAND [UNIT…] [options]")
    .exitOverride()
    .configureOutput(outputs(host, errors))
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => `${command.name()} ${command.registeredArguments.map(shortArgument).join(" ")}`.trim(),
      ...helpStyles(() => wantsColour(host, undefined)),
    })
    .addHelpText("after", FOOTER)
    .helpCommand("help [command]", "show help for sup or a command; help unit, help settings: the keys of the files")
    .commandsGroup("Help:")
    .showSuggestionAfterError(true);
  for (const name of GLOBAL) program.addOption(optionOf(name));
  for (const theme of THEMES) for (const row of COMMANDS) if (row.theme === theme) addCommand(program, row, found);
  return program;
}

const shortArgument = (argument: Argument): string => {
  const name = argument.argChoices?.join("|") ?? `${argument.name().toUpperCase()}${argument.variadic ? "…" : ""}`;
  return argument.required ? name : `[${name}]`;
};

function outputs(host: Host, errors: string[]) {
  return {
    writeOut: (text: string) => host.write(1, text),
    // Errors are collected, so that `parseFully` can print them with a hint like all other errors.
    writeErr: (text: string) => void (errors.push(text), isHelp(text) && host.write(2, text)),
    outputError: (text: string) => void errors.push(text),
    getOutHelpWidth: () => host.columns() ?? 100,
    getErrHelpWidth: () => host.columns() ?? 100,
    getOutHasColors: () => wantsColour(host, undefined),
    getErrHasColors: () => wantsColour(host, undefined),
  };
}

const isHelp = (text: string): boolean => !text.startsWith("error:");

function addCommand(program: Command, row: TableCommand, found: (parsed: Parsed) => void): void {
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
  command.action(() => found({ command: row, args: command.args, options: optionsOf(command) }));
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
      if (count === undefined) throw new InvalidArgumentError("It must be an integer of at least 0.");
      return count;
    });
  }
  option.attributeName = () => name; // several options may have the same spelling, so the key is set explicitly
  return row.hidden ? option.hideHelp() : option;
}

/** Returns only the options on the command line. Commander also adds `wait: true` if `--no-wait` is absent. */
function optionsOf(command: Command): Options {
  const entries = Object.entries(command.optsWithGlobals() as Record<string, unknown>);
  return Object.fromEntries(entries.filter(([name, value]) => value !== undefined && !(isNegated(name) && value === true))) as Options;
}

const isNegated = (name: string): boolean => OPTIONS[name as OptionName]?.flags.includes("--no-") ?? false;

const FOOTER = `
Examples:
${EXAMPLES.map(([line, meaning]) => `  ${line.padEnd(32)} ${meaning}`.trimEnd()).join("\n")}

Exit codes: ${EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`).join(", ")}.`;

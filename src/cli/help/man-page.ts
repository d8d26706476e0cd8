import { bold, heading, italic, item, marked, paragraph, roff, subheading, title, verbatim } from "../../base/roff.ts";
import { arity, THEMES, type CommandRow } from "../table/command-row.ts";
import { COMMANDS } from "../table/commands.ts";
import { GLOBAL, OPTIONS, type OptionName, type OptionRow } from "../table/options.ts";
import { ABOUT, EXAMPLES, EXIT_CODES } from "./about.ts";

/** Returns the manual page sup(1), generated from the tables that the parsers and `sup help` use. */
export function manPage(): string {
  return [
    title("sup", 1, "sup", "sup"),
    heading("Name"),
    "sup \\- keeps services running",
    heading("Synopsis"),
    `${bold("sup")} ${italic("COMMAND")} [${italic("UNIT")} ...] [${italic("options")}]`,
    heading("Description"),
    roff(ABOUT),
    paragraph(
      marked("Units are described by files, see **sup.unit**(5). `sup daemon` runs them; every other command talks to the daemon."),
    ),
    heading("Commands"),
    ...THEMES.flatMap((theme) => [subheading(theme), ...COMMANDS.filter((row) => row.theme === theme && !row.hidden).map(command)]),
    heading("Options of every command"),
    ...GLOBAL.map(option),
    heading("Exit status"),
    ...EXIT_CODES.map(([code, meaning]) => item(bold(String(code)), roff(meaning))),
    heading("Files"),
    ...FILES.map(([path, meaning]) => item(italic(path), marked(meaning))),
    heading("Environment"),
    ...ENVIRONMENT.map(([name, meaning]) => item(bold(name), marked(meaning))),
    heading("Examples"),
    verbatim(EXAMPLES.map(([line, meaning]) => (meaning === "" ? line : `${line.padEnd(36)} ${meaning}`)).join("\n")),
    heading("See also"),
    `${bold("sup.unit")}(5)`,
    "",
  ].join("\n");
}

function command(row: CommandRow): string {
  const names = [row.name, ...(row.aliases ?? [])].map(bold).join(", ");
  const lines = [
    item(`${names} ${argumentOf(row)}`.trim(), `${marked(row.summary)}.`),
    ...(row.details ?? "").split("\n").filter(Boolean).map((line) => `.br\n${marked(line)}`), // prettier-ignore
  ];
  const options = row.options.filter((name) => !(OPTIONS[name] as OptionRow).hidden);
  if (options.length > 0) lines.push(".RS", ...options.map(option), ".RE");
  return lines.join("\n");
}

function argumentOf(row: CommandRow): string {
  if (row.takes === "") return "";
  const name = row.choices?.map(bold).join("|") ?? italic(row.takes.replace(/[<>[\].]/g, "").toUpperCase());
  const many = arity(row).most > 1 ? " ..." : "";
  return row.takes.startsWith("<") ? `${name}${many}` : `[${name}${many}]`;
}

function option(name: OptionName): string {
  const row: OptionRow = OPTIONS[name];
  const flags = row.flags.replace(/<([^>]+)>/g, (_, value: string) => value.toUpperCase());
  return item(bold(flags), marked(row.words));
}

const FILES = [
  ["/etc/sup/units, ~/.config/sup/units, $SUP_HOME/units", "unit files of the system, of a user, and of a daemon with SUP_HOME"],
  ["/etc/sup/sup.json, ~/.config/sup/sup.json, $SUP_HOME/sup.json", "settings"],
  ["/var/lib/sup, ~/.local/state/sup, $SUP_HOME/state", "the database `sup.db`: state, events, metrics, alerts"],
  ["/var/log/sup, ~/.local/state/sup/logs, $SUP_HOME/logs", "logs of the units, and the daemon's own log `sup.log`"],
  ["/run/sup, $XDG_RUNTIME_DIR/sup, $SUP_HOME/run", "the control socket `sup.sock` and the `token`"],
] as const;

const ENVIRONMENT = [
  ["SUP_HOME", "a directory that holds everything: units, settings, state, logs and socket"],
  ["SUP_UNITS", "directories of unit files, separated by colons"],
  ["SUP_URL, SUP_TOKEN", "the daemon to talk to over HTTP, like `--url` and `--token`"],
  ["SUP_BASE_URL, SUP_VERSION", "where releases are published, and the version to install: for `sup upgrade` and `install.sh`"],
  ["NO_COLOR", "disables colours"],
] as const;

/** All options of the command line. The parsers, the help and the types all come from this table. */

export interface OptionRow {
  /** The flags in commander's notation. The key in `OPTIONS` is the long name in camel case, without `no-`. */
  readonly flags: string;
  readonly words: string;
  /** `flag` takes no value, `text` a string, `count` an integer of at least 0. `list` takes a string and may be repeated.
   * A `list` with `...` in its flags takes all strings up to the next option. */
  readonly kind: "flag" | "text" | "count" | "list";
  readonly hidden?: true;
  /** The values that completion suggests. */
  readonly values?: readonly string[];
  /** Set if another command has an option with the same spelling. The key in `OPTIONS` then differs from the flag's name. */
  readonly shared?: true;
}

/** The formats that `sup import` reads. The table of commands must not load the importers, so a test compares the two lists. */
const FORMATS = ["supervisord", "systemd", "pm2", "procfile", "process-compose", "services", "runit", "s6"];

/** The targets of `sup export`, which a test compares with those of the exporters. */
const TARGETS = ["systemd", "supervisord", "kubernetes", "compose"];

const WHENS = ["10m", "1h", "today", "yesterday"];

export const OPTIONS = {
  json: { flags: "--json", words: "print JSON, including errors", kind: "flag" },
  color: { flags: "--no-color", words: "no colours (also: NO_COLOR=1)", kind: "flag" },
  units: { flags: "--units <dir>", words: "read unit files from this directory instead (may be repeated)", kind: "list" },
  url: { flags: "--url <url>", words: "talk to a daemon over HTTP (also: SUP_URL)", kind: "text" },
  token: { flags: "--token <token>", words: "token for --url (also: SUP_TOKEN)", kind: "text" },
  quiet: { flags: "-q, --quiet", words: "print nothing but errors", kind: "flag" },
  wait: { flags: "--no-wait", words: "return immediately instead of waiting for the result", kind: "flag" },
  cascade: { flags: "--cascade", words: "first stop the running units that depend on these", kind: "flag" },
  dryRun: { flags: "--dry-run", words: "show what would happen without doing it", kind: "flag" },
  force: { flags: "--force", words: "treat a unit directory that does not exist as empty: stop and forget its units", kind: "flag" },
  reset: { flags: "--reset", words: "use the number in the unit file again", kind: "flag" },
  now: { flags: "--now", words: "also start (enable) or stop (disable) now", kind: "flag" },
  signal: { flags: "-s, --signal <signal>", words: "signal to send: TERM, SIGUSR1, 15 … (default SIGTERM)", kind: "text" },
  follow: { flags: "-f, --follow", words: "keep printing new entries", kind: "flag" },
  lines: { flags: "-n, --lines <n>", words: "show at most the last N entries", kind: "count" },
  since: {
    flags: "--since <time>",
    words: "start at this time: 10m, 2h, today, 2026-11-22, 2026-11-22T20:00",
    kind: "text",
    values: WHENS,
  },
  until: { flags: "--until <time>", words: "end at this time", kind: "text", values: WHENS },
  grep: { flags: "--grep <regex>", words: "only lines that match this regular expression", kind: "text" },
  invocation: {
    flags: "--invocation <run>",
    words: "only one run: an invocation id, 0 for the latest, -1 for the one before",
    kind: "text",
    values: ["0", "-1"],
  },
  between: {
    flags: "--between <run...>",
    words: "compare these two runs, the earlier one first: 0 is the latest, -1 the one before; or invocation ids",
    kind: "list",
    values: ["-1", "0"],
  },
  bare: { flags: "--bare", words: "print only the text, without time and unit name", kind: "flag" },
  stderr: { flags: "--stderr", words: "only lines written to standard error", kind: "flag" },
  output: {
    flags: "-o, --output <format>",
    words: "text (default), short, json, or cri (the lines as stored in the log file)",
    kind: "text",
    values: ["text", "short", "json", "cri"],
  },
  type: { flags: "--type <type>", words: "only events of this type", kind: "text" },
  run: { flags: "--run", words: "run the check now instead of showing the last result", kind: "flag" },
  all: { flags: "-a, --all", words: "include resolved alerts", kind: "flag" },
  sort: {
    flags: "--sort <key>",
    words: "sort by cpu, memory, name, restarts or uptime",
    kind: "text",
    values: ["cpu", "memory", "name", "restarts", "uptime"],
  },
  once: { flags: "--once", words: "print the table once, also on a terminal", kind: "flag" },
  tree: { flags: "--tree", words: "print a tree", kind: "flag" },
  reverse: { flags: "--reverse", words: "show what depends on the units instead", kind: "flag" },
  timers: { flags: "--timers", words: "show only scheduled units, with their next and last run", kind: "flag" },
  name: { flags: "--name <name>", words: "name of the unit (default: run-XXXXXXXX)", kind: "text" },
  tty: { flags: "-t, --tty", words: "run the command on this terminal, for programs that people type into", kind: "flag" },
  typing: { flags: "--no-tty", words: "only look: type nothing, and work without a terminal", kind: "flag", shared: true },
  take: { flags: "--take", words: "type instead of the client that types now, which then only looks", kind: "flag" },
  env: { flags: "-e, --env <name=value>", words: "set an environment variable (may be repeated)", kind: "list" },
  dir: { flags: "--dir <dir>", words: "working directory (default: the current directory)", kind: "text" },
  user: { flags: "--user <user>", words: "user to run as", kind: "text" },
  restart: { flags: "--restart", words: "restart the command when it fails", kind: "flag" },
  set: { flags: "--set <key=value>", words: "set any key of a unit file: type=oneshot, limits.nofile=64 (may be repeated)", kind: "list" },
  reveal: { flags: "--reveal", words: "show secrets", kind: "flag" },
  dropIn: { flags: "--drop-in <name>", words: "edit the unit's drop-in NAME.json instead of its main file", kind: "text" },
  ofUser: { flags: "--user", words: "your user service (default unless you are root)", kind: "flag", shared: true },
  ofSystem: { flags: "--system", words: "the system service (default for root)", kind: "flag", shared: true },
  open: { flags: "--no-open", words: "print the link without opening a browser", kind: "flag" },
  version: { flags: "--version <version>", words: "install this version instead of the latest (also: SUP_VERSION)", kind: "text" },
  check: { flags: "--check", words: "only check whether a newer version is available", kind: "flag" },
  timeout: { flags: "--timeout <seconds>", words: "how long to wait for the new daemon to answer (default 30)", kind: "count" },
  exitOn: {
    flags: "--exit-on <what>",
    words: "also stop everything and exit when this unit has ended, at the first `failure`, or when `all-done`; exits with its code",
    kind: "text",
    values: ["failure", "all-done"],
  },
  stdout: { flags: "--stdout", words: "print the files instead of writing them", kind: "flag" },
  outputDir: {
    flags: "-o, --output <dir>",
    words: "directory for the unit files (default: the unit directory)",
    kind: "text",
    shared: true,
  },
  overwrite: { flags: "--force", words: "replace unit files that exist", kind: "flag", shared: true },
  allowJs: {
    flags: "--allow-js",
    words: "run PM2 files that contain code: in a process without an environment, for at most 5 seconds",
    kind: "flag",
  },
  from: { flags: "--from <format>", words: "the format of the files, instead of recognising it by content", kind: "text", values: FORMATS },
  port: { flags: "--port <port>", words: "port that the service listens on; its variable is PORT", kind: "count" },
  health: {
    flags: "--health <check>",
    words: "health check: a path (/healthz), a URL, tcp, tcp:PORT or none (default with --port: tcp)",
    kind: "text",
    values: ["/healthz", "tcp", "none"],
  },
  description: { flags: "--description <text>", words: "what the service is for", kind: "text" },
  yes: { flags: "-y, --yes", words: "act without a question", kind: "flag" },
  allow: {
    flags: "--allow <actions>",
    words: "actions that the agent may take: start, stop and restart, separated by commas (default: none)",
    kind: "text",
    values: ["start", "stop", "restart", "start,stop,restart"],
  },
  agent: { flags: "--agent <name>", words: "name of the agent in the history (default: what its client is called)", kind: "text" },
  to: { flags: "--to <target>", words: "what to export to", kind: "text", values: TARGETS },
  exportDir: { flags: "-o, --output <dir>", words: "write the files to this directory", kind: "text", shared: true },
  overwriteFiles: { flags: "--force", words: "replace files that exist", kind: "flag", shared: true },
  image: { flags: "--image <image>", words: "image with the program, for targets that run containers", kind: "text" },
  withSecrets: { flags: "--with-secrets", words: "write the values of secrets, not only their names", kind: "flag" },
  config: { flags: "-c, --config <file>", words: "supervisord's configuration (default: where supervisorctl looks for it)", kind: "text" },
  only: { flags: "--only <program>", words: "move only this program, group or app (may be repeated)", kind: "list" },
  settle: { flags: "--settle <seconds>", words: "how long a program must stay up before it counts as moved (default 5)", kind: "count" },
  background: { flags: "--background", words: "set by `sup daemon start`: run as a background daemon", kind: "flag", hidden: true },
} as const satisfies Record<string, OptionRow>;

export type OptionName = keyof typeof OPTIONS;

type Value<Kind> = Kind extends "flag" ? boolean : Kind extends "count" ? number : Kind extends "list" ? readonly string[] : string;

/** The options on the command line. All other keys are absent. `wait`, `color` and `open` are false for `--no-wait` and so on. */
export type Options = { readonly [Name in OptionName]?: Value<(typeof OPTIONS)[Name]["kind"]> };

/** The options that every command accepts, before or after its name. */
export const GLOBAL: readonly OptionName[] = ["json", "color", "units", "url", "token"];

/** Returns the spellings of an option. For example, `-n, --lines <n>` has the short one `-n` and the long one `--lines`. */
export function spellings(row: OptionRow): { readonly short: string | undefined; readonly long: string } {
  const [first = "", second] = row.flags.split(", ").map((flag) => flag.split(" ")[0]!);
  return second === undefined ? { short: undefined, long: first } : { short: first, long: second };
}

/** Parses an integer of at least 0. Returns undefined for any other string. */
export const readCount = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

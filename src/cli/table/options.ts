/** Every option of the command line, once: both parsers, the help and the types come from here. */

export interface OptionRow {
  /** In commander's notation; the key in `OPTIONS` is the long name in camel case, without `no-`. */
  readonly flags: string;
  readonly words: string;
  /** `flag`: no value; `text`: a value; `count`: a whole number from 0; `list`: a value, may be given again. */
  readonly kind: "flag" | "text" | "count" | "list";
  readonly hidden?: true;
  /** What completion offers as value. */
  readonly values?: readonly string[];
  /** Another option, of other commands, is spelled the same; then the key is free. */
  readonly shared?: true;
}

const WHENS = ["10m", "1h", "today", "yesterday"];

export const OPTIONS = {
  json: { flags: "--json", words: "print JSON, also for errors", kind: "flag" },
  color: { flags: "--no-color", words: "no colours (also: NO_COLOR=1)", kind: "flag" },
  units: { flags: "--units <dir>", words: "read unit files here instead (may be given again)", kind: "list" },
  url: { flags: "--url <url>", words: "talk to a daemon over HTTP (also: SUP_URL)", kind: "text" },
  token: { flags: "--token <token>", words: "token for --url (also: SUP_TOKEN)", kind: "text" },
  quiet: { flags: "-q, --quiet", words: "print nothing but errors", kind: "flag" },
  wait: { flags: "--no-wait", words: "return at once, do not wait for the outcome", kind: "flag" },
  cascade: { flags: "--cascade", words: "first stop the running units that need these", kind: "flag" },
  dryRun: { flags: "--dry-run", words: "only say what would happen", kind: "flag" },
  now: { flags: "--now", words: "also start (enable) or stop (disable) now", kind: "flag" },
  signal: { flags: "-s, --signal <signal>", words: "signal to send: TERM, SIGUSR1, 15 … (default SIGTERM)", kind: "text" },
  follow: { flags: "-f, --follow", words: "go on printing what comes", kind: "flag" },
  lines: { flags: "-n, --lines <n>", words: "how many at most, counted from the end", kind: "count" },
  since: { flags: "--since <time>", words: "from then on: 10m, 2h, today, 2026-11-22, 2026-11-22T20:00", kind: "text", values: WHENS },
  until: { flags: "--until <time>", words: "up to then", kind: "text", values: WHENS },
  grep: { flags: "--grep <regex>", words: "only lines that match", kind: "text" },
  invocation: {
    flags: "--invocation <run>",
    words: "only one run: its invocation id, 0 for the latest, -1 for the one before",
    kind: "text",
    values: ["0", "-1"],
  },
  bare: { flags: "--bare", words: "the text alone, without time and name", kind: "flag" },
  stderr: { flags: "--stderr", words: "only what was written to standard error", kind: "flag" },
  output: {
    flags: "-o, --output <format>",
    words: "text (the default), short, json, or cri: the records of the file",
    kind: "text",
    values: ["text", "short", "json", "cri"],
  },
  type: { flags: "--type <type>", words: "only events of this type", kind: "text" },
  run: { flags: "--run", words: "run the check now instead of showing the last result", kind: "flag" },
  all: { flags: "-a, --all", words: "resolved ones too", kind: "flag" },
  sort: {
    flags: "--sort <key>",
    words: "cpu, memory, name, restarts or uptime",
    kind: "text",
    values: ["cpu", "memory", "name", "restarts", "uptime"],
  },
  tree: { flags: "--tree", words: "as a tree", kind: "flag" },
  reverse: { flags: "--reverse", words: "the other way round: what needs them", kind: "flag" },
  timers: { flags: "--timers", words: "only units with a schedule: their next and last run", kind: "flag" },
  name: { flags: "--name <name>", words: "name of the unit; otherwise run-XXXXXXXX", kind: "text" },
  env: { flags: "-e, --env <name=value>", words: "a variable of its environment (may be given again)", kind: "list" },
  dir: { flags: "--dir <dir>", words: "directory to run in; otherwise this one", kind: "text" },
  user: { flags: "--user <user>", words: "user to run as", kind: "text" },
  restart: { flags: "--restart", words: "restart it when it fails", kind: "flag" },
  set: { flags: "--set <key=value>", words: "any key of a unit file: type=oneshot, limits.nofile=64 (may be given again)", kind: "list" },
  reveal: { flags: "--reveal", words: "show secrets too", kind: "flag" },
  dropIn: { flags: "--drop-in <name>", words: "edit the drop-in NAME.json of the unit instead of its file", kind: "text" },
  ofUser: { flags: "--user", words: "your own service (the default unless root)", kind: "flag", shared: true },
  ofSystem: { flags: "--system", words: "the service of the system (the default as root)", kind: "flag", shared: true },
  open: { flags: "--no-open", words: "only print the link", kind: "flag" },
  version: { flags: "--version <version>", words: "that version instead of the latest (also: SUP_VERSION)", kind: "text" },
  check: { flags: "--check", words: "only say whether there is a newer one", kind: "flag" },
  timeout: { flags: "--timeout <seconds>", words: "how long the new daemon may take to answer; otherwise 30", kind: "count" },
  background: { flags: "--background", words: "the daemon was started by `sup daemon start`", kind: "flag", hidden: true },
} as const satisfies Record<string, OptionRow>;

export type OptionName = keyof typeof OPTIONS;

type Value<Kind> = Kind extends "flag" ? boolean : Kind extends "count" ? number : Kind extends "list" ? readonly string[] : string;

/** Absent unless given; `wait`, `color` and `open` are false when `--no-wait` and the like are given. */
export type Options = { readonly [Name in OptionName]?: Value<(typeof OPTIONS)[Name]["kind"]> };

/** Accepted by every command, before or after its name. */
export const GLOBAL: readonly OptionName[] = ["json", "color", "units", "url", "token"];

/** `-n, --lines <n>` → short `-n`, long `--lines`. */
export function spellings(row: OptionRow): { readonly short: string | undefined; readonly long: string } {
  const [first = "", second] = row.flags.split(", ").map((flag) => flag.split(" ")[0]!);
  return second === undefined ? { short: undefined, long: first } : { short: first, long: second };
}

/** The whole number from 0 in a text, or undefined. */
export const readCount = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

/** Recognises the level of a log line: in JSON, in logfmt, and in the common forms of text. */
export const LEVELS = ["error", "warning", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

/** The words that programs use for levels. */
const WORDS: Readonly<Record<string, Level>> = {
  ...{ emerg: "error", emergency: "error", alert: "error", fatal: "error", panic: "error", critical: "error", crit: "error" },
  ...{ error: "error", err: "error", severe: "error", warning: "warning", warn: "warning" },
  ...{ notice: "info", info: "info", information: "info", log: "info", debug: "debug", trace: "debug", verbose: "debug", fine: "debug" },
};
const WORD = Object.keys(WORDS).join("|");

const ESCAPES = /\x1b\[[\d;]*m/g;
/**
 * The key of the level in JSON logs of pino, bunyan, zap, logrus, structlog, ECS, Serilog and others. JSON with escaped
 * quotes, inside a string, does not match.
 */
const IN_JSON = /(?<!\\)"(?:level|lvl|severity|log\.level|levelname|loglevel|@l)"\s*:\s*"?(\w+)/i;
const IN_LOGFMT = /(?:^|\s)(?:level|lvl|severity)=["']?(\w+)/i;
/** A level for journald, such as `<3>`, at the beginning of a line (sd-daemon(3)). */
const OF_SYSLOG = /^<([0-7])>/;
/** The level in lines of glog and klog, such as `E0102 15:04:05.000000`. */
const OF_GLOG = /^([IWEF])\d{4} \d\d:\d\d/;
const IN_BRACKETS = new RegExp(`\\[\\s*(${WORD})\\s*\\]`, "i");
/** A word in capital letters near the beginning, usually after the time. `LOG` counts only if a colon follows, as in PostgreSQL. */
const CAPITALS = Object.keys(WORDS)
  .filter((word) => word !== "log")
  .join("|")
  .toUpperCase();
const IN_CAPITALS = new RegExp(`(?:^|[\\s|:\\]])(?:(${CAPITALS})!?(?=[\\s:|\\][(]|$)|(LOG)(?=:))`);
/** A word with a colon at the beginning of a line, such as `warning: …`, in a program that writes no times. */
const WITH_COLON = new RegExp(`^(?:[\\w./-]+: )?(${WORD})(?=:|\\[)`, "i");
const OF_EXCEPTION = /^(?:[\w.$]*(?:Error|Exception)(?: \[\w+\])?: |Uncaught |Unhandled |Exception in |Traceback \(|thread '.*' panicked)/;

/** Maximum number of characters of a plain line that are searched. In JSON the level may come after other keys. */
const MOST_TEXT = 120;
const MOST_JSON = 2000;

/** Returns the level of a line, or null if it has none. */
export function levelOf(line: string): Level | null {
  const text = line.includes("\x1b") ? line.slice(0, MOST_JSON).replace(ESCAPES, "") : line;
  if (/^\s*\{/.test(text)) return levelOfWord(IN_JSON.exec(text.slice(0, MOST_JSON))?.[1]);
  const start = text.slice(0, MOST_TEXT);
  const syslog = OF_SYSLOG.exec(start)?.[1];
  if (syslog !== undefined) return ofSyslog(Number(syslog));
  const glog = OF_GLOG.exec(start)?.[1];
  if (glog !== undefined) return glog === "I" ? "info" : glog === "W" ? "warning" : "error";
  const capitals = IN_CAPITALS.exec(start);
  const word = IN_LOGFMT.exec(text.slice(0, MOST_JSON))?.[1] ?? IN_BRACKETS.exec(start)?.[1] ?? capitals?.[1] ?? capitals?.[2];
  return levelOfWord(word ?? WITH_COLON.exec(start)?.[1]) ?? (OF_EXCEPTION.test(start) ? "error" : null);
}

/** The numbers are those of pino and bunyan: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal. */
function levelOfWord(word: string | undefined): Level | null {
  if (word === undefined) return null;
  const number = Number(word);
  if (number >= 10 && number <= 60) return number < 30 ? "debug" : number < 40 ? "info" : number < 50 ? "warning" : "error";
  return Object.hasOwn(WORDS, word.toLowerCase()) ? WORDS[word.toLowerCase()]! : null;
}

/** Converts a priority of syslog(3), in which 3 is an error, 4 a warning and 7 debug output. */
const ofSyslog = (priority: number): Level => (priority <= 3 ? "error" : priority === 4 ? "warning" : priority <= 6 ? "info" : "debug");

/** Gives an indented line, such as a stack frame, the level of the line above it in the same stream. */
export class LevelReader {
  readonly #last = new Map<string, Level | null>();

  read({ stream, text, unit }: { readonly stream: string; readonly text: string; readonly unit?: string | null }): Level | null {
    const source = `${unit ?? ""} ${stream}`;
    const level = /^\s+\S/.test(text) && !/^\s*\{/.test(text) ? (levelOf(text) ?? this.#last.get(source) ?? null) : levelOf(text);
    this.#last.set(source, level);
    return level;
  }
}

/** The lowest level that the log view shows. "" shows all lines. */
export type MinLevel = "" | "error" | "warning" | "info";

/** Returns true if the log view shows a line with this level. A line without a level is hidden if only warnings or errors are shown. */
export function isShown(level: Level | null, min: MinLevel): boolean {
  if (min === "") return true;
  if (level === null) return min === "info";
  return LEVELS.indexOf(level) <= LEVELS.indexOf(min);
}

const ERRORS =
  '[Ee][Rr][Rr]|[Ff][Aa][Tt][Aa][Ll]|[Pp][Aa][Nn][Ii][Cc]|[Cc][Rr][Ii][Tt]|[Aa][Ll][Ee][Rr][Tt]|[Ee][Mm][Ee][Rr][Gg]|[Ss][Ee][Vv][Ee][Rr][Ee]|[Ee]xception|Un(caught|handled)|Traceback|"(level|lvl|severity)": ?"?[56]|^<[0-3]>|^[EF][0-9]';
const WARNINGS = '[Ww][Aa][Rr][Nn]|"(level|lvl|severity)": ?"?4|^<4>|^W[0-9]';

/**
 * Returns a regular expression that matches all lines of at least this level, and some others. Returns "" for all lines. The
 * daemon searches the whole log with it, so that the search is not limited to the newest lines.
 */
export const grepOfLevel = (min: MinLevel): string => (min === "error" ? ERRORS : min === "warning" ? `${ERRORS}|${WARNINGS}` : "");

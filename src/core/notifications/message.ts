import type { Severity } from "../../base/words.ts";
import type { What } from "./episode.ts";

/** A message for one channel, as it is stored in the outbox. */
export interface Message {
  /** A unique key. Providers and mail clients use it to recognise a repeated delivery. */
  readonly key: string;
  readonly host: string;
  /** Time of the message in ISO 8601. */
  readonly at: string;
  /** Address of the web page, or null. */
  readonly page: string | null;
  /** The notices, the most urgent first. */
  readonly notices: readonly Notice[];
}

/** What a message says about one episode. `test` is a test by the operator. */
export interface Notice {
  readonly episode: string;
  readonly what: What | "test";
  /** The unit's id; "" is the daemon. */
  readonly unit: string;
  readonly type: string;
  readonly severity: Severity;
  readonly message: string;
  /** Time of the beginning in ISO 8601. */
  readonly since: string;
  readonly until: string | null;
  /** `since` and `until` in the time zone of the daemon, for people. */
  readonly sinceText: string;
  readonly untilText: string | null;
  readonly ending: string | null;
  readonly affected: readonly string[];
  /** What sup does next. */
  readonly next: readonly string[];
  /** The last lines of output. */
  readonly lines: readonly string[];
}

/** Maximum number of notices in a message that have details. The message only names the others. */
export const DETAILED = 8;
const NAMED = 40;

/** A color for the whole message. */
export type Tone = "bad" | "warning" | "good" | "plain";

export function toneOf({ notices }: Message): Tone {
  const open = notices.filter(({ what }) => what !== "end" && what !== "past");
  if (notices.every(({ what }) => what === "test")) return "plain";
  if (open.length === 0) return "good";
  return open.some(({ severity }) => severity === "critical") ? "bad" : "warning";
}

/** Returns the worst severity of the open problems, or `info` if all have ended. */
export const severityOf = (message: Message): Severity =>
  (({ bad: "critical", warning: "warning", good: "info", plain: "info" }) as const)[toneOf(message)];

/** Returns the title, one line: the unit, the host, the problem and its beginning. */
export function titleOf({ host, notices }: Message): string {
  const [first] = notices;
  if (first === undefined) return `sup on ${host}`;
  if (notices.length === 1) return `${nameOf(first)} on ${host}: ${stateOf(first)}`;
  const open = notices.filter(({ what }) => what !== "end" && what !== "past").length;
  const over = notices.length - open;
  const counts = [...(open > 0 ? [`${open} ${open === 1 ? "problem" : "problems"}`] : []), ...(over > 0 ? [`${over} over`] : [])];
  return `${counts.join(", ")} on ${host}: ${listOf(notices.map(nameOf), 4)}`;
}

/**
 * Returns the body of the message as lines of plain text. If the message has a single notice, the title says what it is
 * about, so the body does not repeat that.
 */
export function bodyOf(message: Message): string[] {
  const { notices } = message;
  const isSingle = notices.length === 1;
  const blocks = notices.slice(0, DETAILED).map((notice) => blockOf(message, notice, isSingle));
  const rest = notices.slice(DETAILED).map(nameOf);
  if (rest.length > 0) blocks.push([`And ${rest.length} more: ${listOf(rest, NAMED)}`]);
  return blocks.flatMap((block, index) => (index === 0 ? block : ["", ...block]));
}

export const textOf = (message: Message): string => [titleOf(message), ...bodyOf(message)].join("\n");

function blockOf({ page }: Message, notice: Notice, isSingle: boolean): string[] {
  const { what, unit, message, affected, next, lines } = notice;
  const head = isSingle ? [] : [`${nameOf(notice)}: ${stateOf(notice)}`];
  if (what === "test") return [...head, message];
  const isOver = what === "end" || what === "past";
  const details = isOver
    ? []
    : [
        ...(affected.length > 0 ? [`Down because of it: ${listOf(affected, NAMED)}`] : []),
        ...next.map((text, index) => (index === 0 ? `Next: ${text}` : `      ${text}`)),
        ...(lines.length > 0 ? ["Last output:", ...lines.map((line) => `  ${line}`)] : []),
        `Look: ${unit === "" ? "sup doctor" : `sup why ${unit}`}`,
        ...(page === null ? [] : [unit === "" ? page : `${page}/#/unit/${encodeURIComponent(unit)}`]),
      ];
  return [...head, `${isOver ? "It was" : "Cause"}: ${message}`, ...details];
}

export const nameOf = ({ unit }: Pick<Notice, "unit">): string => (unit === "" ? "sup" : unit);

/** Describes the problem and its beginning, or how it ended. */
export function stateOf(notice: Notice): string {
  const { what, type, sinceText, untilText, ending } = notice;
  const problem = problemOf(type);
  switch (what) {
    case "test":
      return "test message";
    case "end":
      return `${ending ?? "over"} at ${untilText}; ${problem} since ${sinceText}`;
    case "past":
      return `${problem} from ${sinceText} to ${untilText}; ${ending ?? "over"}`;
    case "repeat":
      return `still ${problem} since ${sinceText}`;
    default:
      return `${problem} since ${sinceText}`;
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  "memory-limit": "over its memory limit",
  "cpu-limit": "over its CPU limit",
  "tasks-limit": "over its limit of tasks",
  store: "cannot write its database",
  "store-loss": "lost history",
};

const problemOf = (type: string): string => PROBLEMS[type] ?? type;

/** Formats a list of names as `a, b and 41 more`. */
export function listOf(names: readonly string[], most: number): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(", ")} and ${rest} more` : names.join(", ");
}

/** Cuts the text to `most` characters. Never cuts a surrogate pair in two. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

// Escape sequences of terminals, other control characters, and marks that change the direction of text.
const UNSAFE =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]|[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Removes characters that could do harm where the text is shown. The text is one line. */
export const harmless = (text: string): string => text.replace(UNSAFE, "").replaceAll("\t", "  ");

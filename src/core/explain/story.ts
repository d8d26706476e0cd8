import { formatDuration } from "../../base/duration.ts";
import type { EventRow } from "../../ports/store/events.ts";

/**
 * The history of a unit as a person would tell it: sentences, one after the other, with what kept repeating told once.
 */
export interface Chapter {
  /** UTC ISO 8601. */
  readonly at: string;
  readonly text: string;
  /** What the run wrote last, when it failed. */
  readonly lines: readonly string[];
}

/** Of the newest events; `events` are of one unit, oldest first. */
export function tellStory(events: readonly EventRow[]): Chapter[] {
  const told: Chapter[] = [];
  let last: StoryEpisode | null = null;
  let again = 0;
  const sayAgain = (): void => {
    if (last === null || again === 0) return;
    const at = last.chapters.at(-1)!.at;
    told.push({ at, text: again === 1 ? "The same once more." : `The same again, ${again} times.`, lines: [] });
    again = 0;
  };
  for (const episode of episodesOf(events)) {
    if (last !== null && episode.isRun && episode.likeness === last.likeness) {
      again++;
      last = episode;
      continue;
    }
    sayAgain();
    told.push(...episode.chapters);
    last = episode;
  }
  sayAgain();
  return told;
}

/** What belongs to one run, or stands alone. */
interface StoryEpisode {
  readonly isRun: boolean;
  readonly chapters: readonly Chapter[];
  /** Equal for runs that went the same way: without their pids, times and numbers of retries. */
  readonly likeness: string;
}

function episodesOf(events: readonly EventRow[]): StoryEpisode[] {
  const groups: EventRow[][] = [];
  let run: unknown = null;
  for (const event of events) {
    const own = event.details.run;
    const goesOn = own !== undefined && own === run;
    if (goesOn) groups.at(-1)!.push(event);
    else groups.push([event]);
    run = own ?? null;
  }
  return groups.flatMap((group) => {
    const chapters = group.flatMap(chapterOf);
    if (chapters.length === 0) return [];
    const likeness = chapters
      .map(({ text }) => text.replace(/\bpid \d+|\bretry \d+|\b\d+(\.\d+)?(ms|[smhd])( \d+[smh])?\b/g, "#"))
      .join("\n");
    return [{ isRun: group[0]!.details.run !== undefined, chapters, likeness }];
  });
}

function chapterOf(event: EventRow): Chapter[] {
  const text = (SENTENCES[event.type] ?? plain)(event);
  const lines = event.details.last_lines;
  return text === null ? [] : [{ at: event.timestamp, text, lines: Array.isArray(lines) ? lines.map(String) : [] }];
}

type Sentence = (event: EventRow) => string | null;

const plain: Sentence = ({ message }) => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;

/** Moments that need no sentence of their own are null: ready as soon as it was executed, say. */
const SENTENCES: Readonly<Record<string, Sentence>> = {
  starting: () => "Its pre_start commands ran first.",
  started: ({ details }) => `It was started${CAUSES[String(details.cause)] ?? ""}, pid ${String(details.pid)}.`,
  running: ({ details, message }) => {
    const took = Number(details.after_ms ?? NaN);
    if (Number.isNaN(took)) return `It ${message}.`;
    return took < QUICK_MS ? null : `It was ready after ${formatDuration(took)}.`;
  },
  exited: ({ details, message }) => (details.expected === true ? null : `Its main process ended by itself: ${message}.`),
  "start-failed": ({ message }) => `The start failed: ${message}.`,
  "alert-opened": () => null,
  "alert-resolved": () => null,
  "alert-acknowledged": () => null,
  unhealthy: ({ message, details }) =>
    details.by === "resources"
      ? null
      : details.by === "watchdog"
        ? `It was found to hang: ${message}.`
        : `It was found unhealthy: ${message}.`,
  stopping({ message, details }) {
    if (FOUND.has(String(details.reason))) return null; // the sentence before it says why
    const why = message.replace(/^stopping: /, "");
    const wish = why.startsWith("restart, ") ? `be restarted: ${why.slice("restart, ".length)}` : `stop: ${why}`;
    return `It was to ${wish}.`;
  },
  killed: ({ message }) => `It ${message}.`,
  stopped: ({ details, message }) => {
    const killed =
      Array.isArray(details.killed) && details.killed.length > 0 ? ` SIGKILL was needed for ${details.killed.join(", ")}.` : "";
    return message.startsWith("finished") ? `It was done: ${message.slice("finished: ".length)}.` : `It was down.${killed}`;
  },
  backoff: ({ details, message }) => {
    const delay = formatDuration(Number(details.delay_ms ?? 0));
    if (details.attempt == null) return `Its policy starts it again: ${message}.`;
    return `Its policy tries it again after ${delay}: retry ${Number(details.attempt)}.`;
  },
  failed: ({ message }) => `It was given up: ${message}.`,
  fatal: ({ message }) => `It was given up: ${message}.`,
};

const QUICK_MS = 100;

/** Faults that sup found itself, and told before it stopped the unit for them. */
const FOUND = new Set(["health", "watchdog", "resources", "timeout"]);

const CAUSES: Readonly<Record<string, string>> = {
  operator: " by the operator",
  policy: " again by its restart policy",
  boot: " because it is enabled",
  dependency: " because another unit needs it, or one it needs restarted",
  schedule: " because it was its time",
  watch: " because a watched file changed",
  reload: " because its unit file changed",
};

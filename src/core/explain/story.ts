import { formatDuration } from "../../base/duration.ts";
import type { EventRow } from "../../ports/store/events.ts";

/** One step in the history of a unit, as a sentence. */
export interface Chapter {
  /** Time in UTC, in ISO 8601 format. */
  readonly at: string;
  readonly text: string;
  /** The last lines of output of a run that failed; otherwise empty. */
  readonly lines: readonly string[];
}

/**
 * Describes the history of a unit in sentences, oldest first. Identical consecutive runs are shown once and counted. `events`
 * are the newest events of the unit, oldest first.
 */
export function tellStory(events: readonly EventRow[]): Chapter[] {
  const story: Chapter[] = [];
  let last: StoryEpisode | null = null;
  let repeats = 0;
  const flushRepeats = (): void => {
    if (last === null || repeats === 0) return;
    const at = last.chapters.at(-1)!.at;
    story.push({ at, text: repeats === 1 ? "The same happened again." : `The same happened ${repeats} more times.`, lines: [] });
    repeats = 0;
  };
  for (const episode of episodesOf(events)) {
    if (last !== null && episode.isRun && episode.signature === last.signature) {
      repeats++;
      last = episode;
      continue;
    }
    flushRepeats();
    story.push(...episode.chapters);
    last = episode;
  }
  flushRepeats();
  return story;
}

/** The events of one run, or a single event outside a run. */
interface StoryEpisode {
  readonly isRun: boolean;
  readonly chapters: readonly Chapter[];
  /** The sentences without pids, durations and retry numbers. If two runs happened in the same way, their signatures are equal. */
  readonly signature: string;
}

function episodesOf(events: readonly EventRow[]): StoryEpisode[] {
  const groups: EventRow[][] = [];
  let run: unknown = null;
  for (const event of events) {
    const own = event.details.run;
    if (own !== undefined && own === run) groups.at(-1)!.push(event);
    else groups.push([event]);
    run = own ?? null;
  }
  return groups.flatMap((group) => {
    const chapters = group.flatMap(chapterOf);
    if (chapters.length === 0) return [];
    const signature = chapters
      .map(({ text }) => text.replace(/\bpid \d+|\bretry \d+|\b\d+(\.\d+)?(ms|[smhd])( \d+[smh])?\b/gi, "#"))
      .join("\n");
    return [{ isRun: group[0]!.details.run !== undefined, chapters, signature }];
  });
}

function chapterOf(event: EventRow): Chapter[] {
  const text = (SENTENCES[event.type] ?? plain)(event);
  const lines = event.details.last_lines;
  return text === null ? [] : [{ at: event.timestamp, text, lines: Array.isArray(lines) ? lines.map(String) : [] }];
}

type Sentence = (event: EventRow) => string | null;

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
const plain: Sentence = ({ message }) => sentence(message);

/**
 * Returns the sentence for each type of event. The result is null if another event already says this, or if nothing
 * noteworthy happened.
 */
const SENTENCES: Readonly<Record<string, Sentence>> = {
  starting: ({ message }) => (message === "running pre_start" ? "The pre_start commands ran." : null),
  started: ({ details }) => `Started${CAUSES[String(details.cause)] ?? ""}, pid ${String(details.pid)}.`,
  running(event) {
    const took = Number(event.details.after_ms ?? NaN);
    if (Number.isNaN(took)) return plain(event);
    return took < QUICK_MS ? null : `Ready after ${formatDuration(took)}.`;
  },
  exited: ({ details, message }) => (details.expected === true ? null : `The main process ended: ${message}.`),
  "start-failed": ({ message }) => `Start failed: ${message}.`,
  "alert-opened": () => null,
  "alert-resolved": () => null,
  "alert-acknowledged": () => null,
  unhealthy({ message, details }) {
    if (details.by === "resources") return null; // the event limit-exceeded already says this
    if (details.by === "log") return sentence(message);
    return details.by === "watchdog" ? `Watchdog timeout: ${message}.` : `Unhealthy: ${message}.`;
  },
  skipped: ({ message }) => sentence(message),
  stopping(event) {
    if (DETECTED.has(String(event.details.reason))) return null; // the sentence before this one says why the unit stops
    const requested = /^(stopping|restarting): (requested by .*)$/.exec(event.message);
    return requested === null ? plain(event) : `${requested[1] === "stopping" ? "Stop" : "Restart"} ${requested[2]}.`;
  },
  stopped({ details, message }) {
    if (message.startsWith("finished") || (details.run === undefined && message.startsWith("stopped:"))) return sentence(message);
    const { killed } = details;
    return Array.isArray(killed) && killed.length > 0 ? `Stopped. SIGKILL was needed for ${killed.join(", ")}.` : "Stopped.";
  },
  backoff({ message }) {
    return sentence(message.slice(message.lastIndexOf("; ") + 1).trimStart());
  },
  failed: ({ message }) => `Failed: ${message}.`,
  fatal: ({ message }) => `Fatal: ${message}.`,
};

/** If a unit becomes ready within this time, no sentence mentions it. */
const QUICK_MS = 100;

/** Failures that sup detects and reports before it stops the unit. */
const DETECTED = new Set(["health", "watchdog", "log", "resources", "timeout"]);

const CAUSES: Readonly<Record<string, string>> = {
  operator: " by the operator",
  policy: " again by the restart policy",
  boot: " because it is enabled",
  dependency: " because another unit needs it or its dependency restarted",
  schedule: " by its schedule",
  watch: " because a watched file changed",
  reload: " because its unit file changed",
};

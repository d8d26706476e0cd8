import { formatDuration } from "../../base/duration.ts";
import { upcomingOf } from "../../core/explain/upcoming.ts";
import { DETAILED, clip, harmless, type Message, type Notice } from "../../core/notifications/message.ts";
import type { Draft, DraftNotice } from "../../core/notifications/draft.ts";
import { isAtRest } from "../../core/world/dependencies.ts";
import type { Timer } from "../../core/world/schedule.ts";
import type { World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import { redactString } from "../../spec/redact.ts";

export interface MessageMakerOptions {
  readonly world: World;
  readonly clock: Pick<Clock, "wallMs" | "monotonicMs">;
  readonly logs: Pick<LogStore, "tail">;
  readonly store: EventHistory;
  readonly host: string;
  readonly pageUrl: () => string | null;
  readonly planOf: (id: string) => Timer | undefined;
}

const LINES = 10;
const FEW_LINES = 3;
const LINE_CHARACTERS = 300;
const FAILURES = ["exited", "start-failed"];

/** Creates messages from the decisions of the core. Adds the host, what sup does next, the last lines of output, and readable times. */
export class MessageMaker {
  readonly #o: MessageMakerOptions;

  constructor(options: MessageMakerOptions) {
    this.#o = options;
  }

  /** Creates a message. With `pastMs`, the message is created as of that time, without information that is known only now. */
  make(draft: Draft, id: number, pastMs: number | null = null): Message {
    const { clock, host, pageUrl } = this.#o;
    const nowMs = pastMs ?? clock.wallMs();
    const lines = draft.notices.length === 1 ? LINES : FEW_LINES;
    return {
      key: `${id}-${Math.floor(nowMs).toString(36)}`,
      host,
      at: new Date(nowMs).toISOString(),
      page: pageUrl(),
      notices: draft.notices.map((notice, index) => this.#notice(notice, index < DETAILED && pastMs === null ? lines : 0, nowMs)),
    };
  }

  #notice(draft: DraftNotice, lines: number, nowMs: number): Notice {
    const { sinceMs, endedMs, ...rest } = draft;
    const isOpen = draft.what !== "end" && draft.what !== "past";
    return {
      ...rest,
      message: clip(harmless(redactString(draft.message)), 1000),
      since: new Date(sinceMs).toISOString(),
      until: endedMs === null ? null : new Date(endedMs).toISOString(),
      sinceText: timeText(sinceMs, nowMs),
      untilText: endedMs === null ? null : timeText(endedMs, nowMs),
      next: isOpen && lines > 0 ? this.#next(draft.unit) : [],
      lines: isOpen && lines > 0 ? this.#lastLines(draft.unit, lines) : [],
    };
  }

  #next(unit: string): string[] {
    const { world, clock, planOf } = this.#o;
    const entry = world.get(unit);
    if (entry === undefined) return [];
    return upcomingOf(world, entry, planOf(unit)).map(({ text, atMs, wallMs }) => {
      const inMs = atMs === null ? (wallMs === null ? null : wallMs - clock.wallMs()) : atMs - clock.monotonicMs();
      return harmless(inMs === null ? text : `${text} in ${formatDuration(Math.max(0, inMs))}`);
    });
  }

  /** Returns the last lines of output. During a new run, the output of the run that failed is more useful. */
  #lastLines(unit: string, count: number): string[] {
    const { world, logs, store } = this.#o;
    const entry = world.get(unit);
    if (entry === undefined) return [];
    const own = logs.tail(unit, count).map(({ text }) => text);
    const failed = (): string[] => {
      const [event] = store.events({ limit: 1, serviceIds: [unit], types: FAILURES });
      const lines = event?.details.last_lines;
      return Array.isArray(lines) ? lines.map(String).slice(-count) : [];
    };
    const isOver = isAtRest(entry.unit.phase) && own.length > 0;
    const earlier = isOver || entry.unit.ledger.retries === 0 ? [] : failed();
    return (earlier.length > 0 ? earlier : own).map((line) => clip(harmless(redactString(line)), LINE_CHARACTERS));
  }
}

/** Created at the first message, because the data for time zones takes memory and time. */
let formats: { readonly time: Intl.DateTimeFormat; readonly zone: Intl.DateTimeFormat } | null = null;

/** Formats a time as `03:12:05 UTC`. If it is on another day, the date comes first. */
export function timeText(wallMs: number, nowMs: number): string {
  formats ??= {
    time: new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" }),
    zone: new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }),
  };
  const { time: format, zone } = formats;
  const [date, time] = format.format(wallMs).split(" ");
  const name = zone.formatToParts(wallMs).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const isToday = format.format(nowMs).startsWith(date!);
  return `${isToday ? "" : `${date} `}${time} ${name}`;
}

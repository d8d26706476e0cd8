import { BEGINNINGS } from "../../core/explain/past-runs.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { EventRow, NewEvent } from "../../ports/store/events.ts";
import type { TurnStore } from "../../ports/store/turns.ts";
import type * as shape from "../../api/contract/shapes.ts";
import type { Bus } from "./bus.ts";
import { describeService, serviceRow, type Surroundings } from "../queries/describe.ts";
import { rememberUnit } from "./unit-memory.ts";

/** The last lines of a run that failed are kept with its event. */
const LAST_LINES = 20;
/** Events that name the run they are about as it names itself, besides those that begin it. */
const NAMES_RUN: ReadonlySet<string> = new Set([...BEGINNINGS, "exited", "start-failed"]);

export interface RecorderOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: TurnStore;
  readonly logs: LogStore;
  readonly bus: Bus;
  readonly around: Surroundings;
  readonly invocationOf: (id: string, run: number) => string;
  /** What is in force of a unit, in the words of its file. */
  readonly effective: (id: string) => Readonly<Record<string, unknown>> | undefined;
}

/** Writes what a turn led to into the store, in one transaction, and publishes it afterwards. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #recorded = new Map<Turn, readonly EventRow[]>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  record(turn: Turn): void {
    const { world, clock, store, effective } = this.#options;
    const events = this.#events(turn);
    if (turn.changed.size === 0 && turn.removed.size === 0 && events.length === 0) return;
    const changed = [...turn.changed].flatMap((id) => {
      const entry = world.get(id);
      return entry === undefined ? [] : [{ id, entry }];
    });
    const rows = store.record({
      services: changed.map(({ id, entry }) => serviceRow(id, entry, clock)),
      memories: [
        ...changed.map(({ id, entry }) => ({ id, memory: rememberUnit(entry, effective(id)) })),
        ...[...turn.removed].map((id) => ({ id, memory: null })),
      ],
      events,
    });
    this.#recorded.set(turn, rows);
  }

  publish(turn: Turn): void {
    const { world, bus, around } = this.#options;
    for (const row of this.#recorded.get(turn) ?? []) bus.publish({ kind: "event", data: eventShape(row) });
    this.#recorded.delete(turn);
    for (const id of turn.changed) {
      const entry = world.get(id);
      if (entry !== undefined) bus.publish({ kind: "service", data: describeService(id, entry, around) });
    }
    for (const id of turn.removed) bus.publish({ kind: "removed", data: { id } });
  }

  /** A line of history that does not come from a unit's machine. */
  tell(type: string, message: string, serviceId: string | null = null, details: Record<string, unknown> = {}): void {
    const { store, bus, clock } = this.#options;
    const timestamp = new Date(clock.wallMs()).toISOString();
    const rows = store.record({ services: [], memories: [], events: [{ serviceId, type, timestamp, message, details }] });
    for (const row of rows) bus.publish({ kind: "event", data: eventShape(row) });
  }

  #events(turn: Turn): NewEvent[] {
    const timestamp = new Date(this.#options.clock.wallMs()).toISOString();
    const events: NewEvent[] = [];
    for (const effect of turn.effects) {
      if (effect.type !== "tell") continue;
      const { type, message, details } = effect.event;
      const failed = type === "exited" && details.success === false && details.expected === false;
      const { logs, invocationOf } = this.#options;
      const lines = failed ? logs.tail(effect.id, LAST_LINES).map((line) => line.text) : [];
      events.push({
        serviceId: effect.id,
        type,
        timestamp,
        message,
        details: {
          ...details,
          ...(NAMES_RUN.has(type) && { invocation: invocationOf(effect.id, Number(details.run)) }),
          ...(BEGINNINGS.includes(type) && { log_from: logs.mark() }),
          ...(lines.length > 0 && { last_lines: lines }),
        },
      });
    }
    return events;
  }
}

export const eventShape = (row: EventRow): shape.Event => ({
  id: row.id,
  service_id: row.serviceId,
  event_type: row.type,
  timestamp: row.timestamp,
  message: row.message,
  details: { ...row.details },
});

import type { AlertChange } from "../../core/alerts/alerts.ts";
import { BEGINNINGS } from "../../core/explain/past-runs.ts";
import { type Job, jobText } from "../../core/jobs/job.ts";
import { serviceText } from "../../core/service/service-memory.ts";
import type { Draft } from "../../core/notifications/draft.ts";
import { episodeText } from "../../core/notifications/episode.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { AlertWrite } from "../../ports/store/alerts.ts";
import type { EventHistory, EventRow, NewEvent } from "../../ports/store/events.ts";
import type { OutboxRow } from "../../ports/store/outbox.ts";
import type { MemoryWrite, TurnStore } from "../../ports/store/turns.ts";
import type * as shape from "../../api/contract/shapes.ts";
import type { Bus } from "./bus.ts";
import { describeService, serviceRow, type Surroundings } from "../queries/describe.ts";
import { LastOutput } from "../queries/last-output.ts";
import { rememberUnit } from "./unit-memory.ts";

/** Number of output lines that are stored with the event of a failed run. They are the last lines of the run. */
const LAST_LINES = 20;
/**
 * A pending job with more units than this is stored at most once every JOB_MS. A stop of 2,000 units takes a hundred turns,
 * and storing 2,000 outcomes in each turn would take longer than the stop. If the daemon is killed, the next daemon derives
 * the outcomes that were not stored from the states of the units.
 */
const LARGE_JOB = 50;
const JOB_MS = 200;
/** Types of events that contain the SUP_INVOCATION_ID of their run. */
const NAMES_RUN: ReadonlySet<string> = new Set([...BEGINNINGS, "exited", "start-failed"]);

/** Creates the stored form of a turn's messages, and sends the messages after they were stored. */
export interface MessageRows {
  rowsOf(drafts: readonly Draft[], timestamp: string): OutboxRow[];
  accept(rows: readonly OutboxRow[]): void;
}

export interface RecorderOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: Pick<TurnStore, "record"> & EventHistory;
  readonly logs: Pick<LogStore, "tail" | "mark" | "runMark">;
  readonly bus: Bus;
  readonly around: Surroundings;
  readonly messages: MessageRows;
  readonly invocationOf: (id: string, run: number) => string;
  /** Returns the effective settings of a unit, with the keys of a unit file. */
  readonly effective: (id: string) => Readonly<Record<string, unknown>> | undefined;
}

/** Stores the changes of each turn (services, the state of units and jobs, events, alerts, messages) in one transaction, and then publishes them. */
export class Recorder {
  readonly lastOutput: LastOutput;
  readonly #options: RecorderOptions;
  readonly #recorded = new Map<Turn, readonly EventRow[]>();
  /** The time at which each pending large job was last stored. */
  readonly #storedMs = new Map<string, number>();
  /** Jobs whose last change is not stored yet. */
  readonly #unstored = new Set<string>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.lastOutput = new LastOutput(options.store);
  }

  record(turn: Turn): void {
    const { world, clock, store, messages } = this.#options;
    const timestamp = new Date(clock.wallMs()).toISOString();
    const events = [...this.#events(turn, timestamp), ...turn.alerts.map((change) => alertEvent(change, timestamp))];
    const memories = this.#memories(turn);
    if (turn.changed.size === 0 && events.length === 0 && memories.length === 0 && turn.outbox.length === 0) return;
    const services = [...turn.changed].flatMap((id) => {
      const entry = world.get(id);
      return entry === undefined ? [] : [serviceRow(id, entry, clock)];
    });
    const alerts = turn.alerts.map((change) => alertWrite(change, timestamp));
    const outbox = messages.rowsOf(turn.outbox, timestamp);
    this.#recorded.set(turn, store.record({ services, memories, events, alerts, outbox }));
    messages.accept(outbox);
  }

  publish(turn: Turn): void {
    const { world, bus, around } = this.#options;
    for (const row of this.#recorded.get(turn) ?? []) bus.publish(() => ({ kind: "event", data: eventShape(row) }));
    this.#recorded.delete(turn);
    for (const id of turn.changed) {
      const entry = world.get(id);
      if (entry !== undefined) bus.publish(() => ({ kind: "service", data: describeService(id, entry, around) }));
    }
    for (const id of turn.removed) {
      this.lastOutput.forget(id);
      bus.publish(() => ({ kind: "removed", data: { id } }));
    }
  }

  /** Records and publishes an event that does not come from the world, but from the daemon itself or from an action of the operator. */
  tell(type: string, message: string, serviceId: string | null = null, details: Record<string, unknown> = {}): void {
    const { store, bus, clock } = this.#options;
    const timestamp = new Date(clock.wallMs()).toISOString();
    const rows = store.record({ events: [{ serviceId, type, timestamp, message, details }] });
    for (const row of rows) bus.publish(() => ({ kind: "event", data: eventShape(row) }));
  }

  #memories(turn: Turn): MemoryWrite[] {
    const { world, effective } = this.#options;
    const writes: MemoryWrite[] = [];
    for (const id of turn.changed) {
      const entry = world.get(id);
      if (entry !== undefined) writes.push({ kind: "unit", id, memory: rememberUnit(entry, effective(id)) });
    }
    for (const id of turn.removed) writes.push({ kind: "unit", id, memory: null });
    for (const id of new Set([...turn.jobs, ...this.#unstored])) {
      const job = world.job(id);
      if (this.#waits(id, job)) this.#unstored.add(id);
      else {
        this.#unstored.delete(id);
        writes.push({ kind: "job", id, memory: job === undefined ? null : jobText(job) });
      }
    }
    for (const id of turn.services) {
      const known = world.recordOf(id);
      writes.push({ kind: "service", id, memory: known === undefined ? null : serviceText(known) });
    }
    for (const id of turn.episodes) {
      const episode = world.episode(id);
      writes.push({ kind: "episode", id, memory: episode === undefined ? null : episodeText(episode) });
    }
    return writes;
  }

  /** Returns true if the job can be stored in a later turn. */
  #waits(id: string, job: Job | undefined): boolean {
    const isLarge = job !== undefined && job.endedMs === null && job.units.length > LARGE_JOB;
    const now = this.#options.clock.monotonicMs();
    if (isLarge && now - (this.#storedMs.get(id) ?? -Infinity) < JOB_MS) return true;
    if (isLarge) this.#storedMs.set(id, now);
    else this.#storedMs.delete(id);
    return false;
  }

  #events(turn: Turn, timestamp: string): NewEvent[] {
    const events: NewEvent[] = [];
    for (const effect of turn.effects) {
      if (effect.type !== "record") continue;
      const { type, message, details } = effect.event;
      const failed =
        (type === "exited" && details.success === false && details.expected === false) ||
        (type === "start-failed" && (details.stage === "pre_start" || details.stage === "ready"));
      const { logs, invocationOf } = this.#options;
      const lines = failed ? logs.tail(effect.id, LAST_LINES).map((line) => line.text) : [];
      if (failed) this.lastOutput.note(effect.id, Number(details.run), lines);
      events.push({
        serviceId: effect.id,
        type,
        timestamp,
        message,
        details: {
          ...details,
          ...(NAMES_RUN.has(type) && { invocation: invocationOf(effect.id, Number(details.run)) }),
          ...(BEGINNINGS.includes(type) && { log_from: (type === "started" ? logs.runMark(effect.id) : null) ?? logs.mark() }),
          ...(lines.length > 0 && { last_lines: lines }),
        },
      });
    }
    return events;
  }
}

function alertEvent(change: AlertChange, timestamp: string): NewEvent {
  const { unit, type } = change.kind === "opened" ? change.condition : change;
  const serviceId = unit === "" ? null : unit;
  const details = { alert: change.id, alert_type: type };
  if (change.kind === "resolved") return { serviceId, type: "alert-resolved", timestamp, message: `resolved: ${type}`, details };
  const { severity, message } = change.condition;
  return { serviceId, type: "alert-opened", timestamp, message: `${severity}: ${message}`, details: { ...details, severity } };
}

function alertWrite(change: AlertChange, timestamp: string): AlertWrite {
  if (change.kind === "resolved") return { kind: "resolved", id: change.id, at: timestamp };
  const { unit, type, severity, message } = change.condition;
  const alert = { id: change.id, serviceId: unit === "" ? null : unit, severity, alertType: type, message, createdAt: timestamp };
  return { kind: "opened", alert };
}

export const eventShape = (row: EventRow): shape.Event => ({
  id: row.id,
  service_id: row.serviceId,
  event_type: row.type,
  timestamp: row.timestamp,
  message: row.message,
  details: { ...row.details },
});

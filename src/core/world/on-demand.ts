import { formatDuration } from "../../base/duration.ts";
import { isUnfinished } from "../service/rollout.ts";
import { isAsleep, isOnDemand } from "../service/on-demand.ts";
import { record } from "../unit/outcome.ts";
import { isDown, stateOf } from "../unit/phase.ts";
import { backoffMs } from "../unit/restart.ts";
import type { Rollouts } from "./rollouts.ts";
import type { Entry, Readings, Step, WorldEvent } from "./types.ts";
import type { Units } from "./units.ts";

const PREFIX = "on-demand ";
/** Returns the service that has this deadline key, or null for the keys of other deadlines. */
export const onDemandOfKey = (key: string): string | null => (key.startsWith(PREFIX) ? key.slice(PREFIX.length) : null);

export interface OnDemandOptions {
  readonly units: Units;
  readonly records: Pick<Rollouts, "get" | "put">;
  /** Starts or stops units for the cause `scaling`. */
  readonly request: (action: "start" | "stop", ids: readonly string[], step: Step) => void;
  /** Adds units to a service without starting them, or removes units, so that it has `count`. */
  readonly resize: (service: string, count: number, step: Step) => void;
  /** Starts the waiting units whose dependencies are met now. */
  readonly launchFree: (step: Step) => void;
}

type Request = Extract<WorldEvent, { type: "request" }>;

/** `asleep`: a connection starts the service. `awake`: it runs, and stops when it is idle. `manual`: it runs until an operator stops it. */
export type OnDemandState = "asleep" | "awake" | "manual" | "down";

/** A run that ends by itself within this time, or before it is ready, may have left its connection unanswered. */
const SHORT_RUN_MS = 1000;
/** A connection that arrives this soon after a health probe may be the probe itself. */
const PROBE_MS = 1000;

/**
 * Scales services with `instances.min` 0 to zero and back. A unit sleeps while it is stopped for the reason `scaling`
 * (`isAsleep`). The record of a service says whether the daemon may stop the service when it is idle (`onDemand`), because an
 * operator who started it by hand wants it to stay.
 *
 * A connection that was not accepted keeps the listener readable, so a service that fails must not be woken again and again.
 * The restart policy handles failures, because a unit in back-off does not sleep. A service that ends by itself sleeps again,
 * after a delay that grows if its runs are short.
 */
export class OnDemand {
  readonly #o: OnDemandOptions;
  /** Monotonic time of the first sample since the last sign of a connection, by service. */
  readonly #idleSinceMs = new Map<string, number>();
  /** Monotonic time at which a service that ended by itself sleeps again. */
  readonly #sleepsAtMs = new Map<string, number>();
  /** Number of consecutive short runs, by service. */
  readonly #shortRuns = new Map<string, number>();
  readonly #due = new Set<string>();

  constructor(options: OnDemandOptions) {
    this.#o = options;
  }

  /** Records that a service must be examined at the end of the turn: its deadline has passed, or its record was restored. */
  isDue(service: string): void {
    this.#due.add(service);
  }

  stateOf(service: string): OnDemandState | null {
    const members = this.#members(service);
    if (members.length === 0 || !isOnDemand(members[0]!.spec)) return null;
    if (!members.every(isAtRest)) return this.#mayStop(service) ? "awake" : "manual";
    return members.some(sleeps) ? "asleep" : "down";
  }

  /** Returns for how long no connection was seen, or null if the service is not awake or not idle. */
  idleMs(service: string, nowMs: number): number | null {
    const sinceMs = this.#idleSinceMs.get(service);
    return sinceMs === undefined || this.stateOf(service) !== "awake" ? null : nowMs - sinceMs;
  }

  /** Returns true if the sockets of a service must stay open although all its units are down. */
  listens(service: string): boolean {
    const members = this.#members(service);
    return members.some(sleeps) || (this.#mayStop(service) && members.every(({ unit }) => unit.phase === "idle"));
  }

  /**
   * Handles the part of a request that concerns sleeping services, and returns the request for all other units. At boot and after
   * a reload, a service sleeps instead of starting. A stop for the reason `scaling` puts a service to sleep.
   */
  request(event: Request, step: Step): Request {
    const { action, cause } = event;
    const ids = new Set(event.ids);
    const asked = [...ids].flatMap((id) => this.#o.units.get(id) ?? []).filter(({ spec }) => isOnDemand(spec));
    for (const service of new Set(asked.map(({ spec }) => spec.service))) {
      const members = this.#members(service);
      const resting = members.filter(isAtRest);
      const isResting = resting.length === members.length;
      if (action === "stop" && cause === "scaling") {
        this.#o.records.put(service, { onDemand: true }, step);
        this.#sleep(service, resting, step);
      } else if (action === "start" && isResting && (cause === "boot" || cause === "reload")) {
        this.#sleep(service, resting, step);
        for (const { spec } of resting) ids.delete(spec.id);
      } else if (action === "start" || (action === "restart" && isResting)) {
        this.#o.records.put(service, { onDemand: false }, step);
      } else if (action === "stop") {
        const mayWake = ({ spec, unit }: Entry): boolean => ids.has(spec.id) && unit.phase === "idle" && unit.reason !== cause;
        if (this.listens(service)) for (const entry of resting.filter(mayWake)) this.#stayDown(entry, cause, step);
      }
    }
    return asked.length === 0 ? event : { ...event, ids: [...ids] };
  }

  /**
   * A client connected to a socket of the service, or the socket could not be opened (`failed`). In that case the start reports
   * the failure, and the restart policy retries it.
   */
  connected({ service, failed = false }: Extract<WorldEvent, { type: "connected" }>, step: Step): void {
    const state = this.stateOf(service);
    const members = this.#members(service);
    if (state === "asleep" || !members.some((entry) => mayBeProbe(entry, step.env.nowMs))) this.#idleSinceMs.delete(service);
    if (state !== "asleep") return;
    const ids = members.filter(sleeps).map(({ spec }) => spec.id);
    const cause = failed ? "its sockets could not be opened" : "a client connected";
    this.#note(service, `scaled from 0 to ${unitsWord(ids.length)}: ${cause}`, { from: 0, to: ids.length }, step);
    this.#o.records.put(service, { onDemand: true }, step);
    this.#o.request("start", ids, step);
  }

  /** Puts the services to sleep to which no client has been connected for `idle_after`. */
  measured({ connections }: Readings, step: Step): void {
    for (const { name } of [...this.#o.units.services.all()]) {
      if (this.stateOf(name) !== "awake") continue;
      const members = this.#members(name);
      if (members.every(({ unit }) => unit.want === "down")) continue; // it is stopping already
      const { nowMs } = step.env;
      const { spec } = members[0]!;
      const rollout = this.#o.records.get(name)?.rollout ?? null;
      const probes = members.filter(isBeingProbed).length;
      const isBusy =
        (rollout !== null && isUnfinished(rollout)) ||
        members.some(({ unit }) => unit.phase === "backoff") || // otherwise the next connection would bypass the back-off
        (connections?.get(name) ?? Infinity) > probes;
      if (isBusy) {
        this.#idleSinceMs.delete(name);
        continue;
      }
      const sinceMs = this.#idleSinceMs.get(name) ?? nowMs;
      this.#idleSinceMs.set(name, sinceMs);
      if (nowMs - sinceMs < spec.scaling!.idleAfterMs) continue;
      const up = members.filter((entry) => !isAtRest(entry)).length;
      const words = `scaled from ${up} to 0 units (no connection for ${formatDuration(spec.scaling!.idleAfterMs)})`;
      this.#note(name, words, { from: up, to: 0 }, step);
      this.#o.resize(name, spec.instances!, step);
      const staying = this.#members(name);
      for (const entry of staying)
        if (isAtRest(entry) && !members.some(({ spec: known }) => known.id === entry.spec.id)) this.#lull(entry, step);
      this.#o.request(
        "stop",
        staying.flatMap((entry) => (isAtRest(entry) ? [] : [entry.spec.id])),
        step,
      );
    }
  }

  /** Lets services sleep again that have ended by themselves, at the end of a turn. */
  follow(step: Step): void {
    for (const id of step.turn.changed) {
      const spec = this.#o.units.get(id)?.spec;
      if (spec !== undefined && spec.instance !== null && this.#mayStop(spec.service)) this.#due.add(spec.service);
    }
    for (const service of this.#due) this.#settle(service, step);
    this.#due.clear();
  }

  #settle(service: string, step: Step): void {
    const members = this.#members(service);
    if (members.length === 0 || !this.#mayStop(service)) return;
    if (!isOnDemand(members[0]!.spec)) return this.#leave(service, members, step);
    if (members.some((entry) => !isAtRest(entry) || sleeps(entry))) return void this.#sleepsAtMs.delete(service);
    if (members.some(({ unit }) => unit.phase !== "idle")) return; // it has failed, and the restart policy gave up
    if (members.some(({ unit }) => !ENDED.has(unit.reason))) {
      this.#o.records.put(service, { onDemand: false }, step);
      for (const { spec } of members) step.turn.changed.add(spec.id); // its sockets can be closed
      return;
    }
    const atMs = this.#sleepsAtMs.get(service) ?? this.#nextSleepMs(service, members, step);
    if (step.env.nowMs < atMs) {
      this.#sleepsAtMs.set(service, atMs);
      return this.#o.units.deadlines.put(PREFIX + service, atMs);
    }
    this.#sleepsAtMs.delete(service);
    this.#sleep(service, members, step);
  }

  /** Returns the time at which a service that has ended by itself may sleep again. */
  #nextSleepMs(service: string, members: readonly Entry[], { env }: Step): number {
    const isShort =
      members.some(({ unit }) => unit.reason !== "none") && members.every(({ unit }) => (unit.last?.ranMs ?? 0) < SHORT_RUN_MS);
    const shortRuns = isShort ? (this.#shortRuns.get(service) ?? 0) + 1 : 0;
    this.#shortRuns.set(service, shortRuns);
    return shortRuns === 0 ? env.nowMs : env.nowMs + Math.max(SHORT_RUN_MS, backoffMs(members[0]!.spec.restart, shortRuns, env.roll));
  }

  #sleep(service: string, members: readonly Entry[], step: Step): void {
    const asleep = members.filter((entry) => !sleeps(entry));
    if (asleep.length === 0) return;
    for (const entry of asleep) this.#lull(entry, step);
    this.#o.records.put(service, { onDemand: true }, step);
    this.#note(service, "scaled to 0 units: the first connection starts it", { to: 0 }, step);
    this.#o.launchFree(step);
  }

  /** Marks a unit that is down as sleeping. */
  #lull(entry: Entry, step: Step): void {
    const { unit } = entry;
    const ledger = { ...unit.ledger, retries: 0 };
    const sinceMs = stateOf(unit) === "stopped" ? unit.sinceMs : step.env.nowMs;
    this.#put(entry, { phase: "idle", want: "down", cause: "scaling", reason: "scaling", due: null, ledger, sinceMs }, step);
  }

  /** Handles a service whose file does not set `min` 0 any more. A sleeping unit would never start. */
  #leave(service: string, members: readonly Entry[], step: Step): void {
    this.#o.records.put(service, { onDemand: false }, step);
    const ids = members.filter(({ unit }) => unit.phase === "idle" && unit.reason === "scaling").map(({ spec }) => spec.id);
    if (ids.length > 0) this.#o.request("start", ids, step);
  }

  #stayDown(entry: Entry, cause: Request["cause"], step: Step): void {
    this.#put(entry, { cause, reason: cause }, step);
    const { id } = entry.spec;
    step.turn.effects.push({ id, ...record("stopped", "stopped: a connection no longer starts it", { reason: cause }) });
  }

  #put(entry: Entry, parts: Partial<Entry["unit"]>, { turn }: Step): void {
    this.#o.units.put({ ...entry, unit: { ...entry.unit, ...parts } });
    turn.changed.add(entry.spec.id);
  }

  #mayStop(service: string): boolean {
    return this.#o.records.get(service)?.onDemand ?? false;
  }

  #members(service: string): Entry[] {
    const { units } = this.#o;
    return (units.services.get(service)?.units ?? []).map((id) => units.get(id)!).filter(({ retired }) => !retired);
  }

  #note(service: string, message: string, details: Record<string, unknown>, { turn }: Step): void {
    turn.effects.push({ id: service, ...record("scaled", message, details) });
  }
}

/** Reasons of a unit that is down without a request: it ended by itself, its start was skipped, or `sup reset-failed` was used. */
const ENDED: ReadonlySet<string> = new Set(["success", "condition", "none"]);

const sleeps = ({ unit, spec }: Entry): boolean => isAsleep(unit, spec);

const isAtRest = ({ unit }: Entry): boolean => isDown(unit.phase);

/** Returns true while a probe runs that may be connected to the listener. Such a connection is no activity of a client. */
const isBeingProbed = ({ check, spec }: Entry): boolean =>
  check?.probing === true && (spec.check?.probe.type === "http" || spec.check?.probe.type === "tcp");

const mayBeProbe = (entry: Entry, nowMs: number): boolean =>
  isBeingProbed(entry) || (entry.check?.results.at(-1)?.atMs ?? -Infinity) > nowMs - PROBE_MS;

const unitsWord = (count: number): string => `${count} ${count === 1 ? "unit" : "units"}`;

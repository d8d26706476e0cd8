import { AlertBook } from "../alerts/alert-book.ts";
import type { Job } from "../jobs/job.ts";
import { JobBook, jobOfKey } from "../jobs/job-book.ts";
import type { Episode } from "../notifications/episode.ts";
import { NotificationBook } from "../notifications/notification-book.ts";
import { canRoll } from "../service/rolling-policy.ts";
import { NO_MEMORY, type ServiceMemory } from "../service/service-memory.ts";
import type { Service, Services } from "../service/services.ts";
import type { Spec } from "../../spec/spec.ts";
import type { UnitEvent } from "../unit/events.ts";
import { whyNotReady } from "../unit/check.ts";
import { awaitsReadyNotice, isDown, isProbed, stateOf } from "../unit/phase.ts";
import { freshUnit, type Cause, type Env } from "../unit/record.ts";
import { retriesResetAtMs } from "../unit/restart.ts";
import { step as stepUnit } from "../unit/step.ts";
import { watchdogOf } from "../unit/watchdog.ts";
import { isAlertKey, judgeAlerts, unitOfAlertKey } from "./alert-stage.ts";
import { Checks } from "./checks.ts";
import { measure } from "./measuring.ts";
import { OnDemand, onDemandOfKey } from "./on-demand.ts";
import { drainAtStop, Rollouts, serviceOfKey } from "./rollouts.ts";
import { Scalings, type ScalingOutlook } from "./scalings.ts";
import { emptyTurn, type Apply, type Entry, type Step, type Turn, type WorldEvent } from "./types.ts";
import { Units } from "./units.ts";
import { Wishes } from "./wishes.ts";

export type { Entry, Fact, Turn, WorldEffect, WorldEvent } from "./types.ts";

export interface WorldOptions {
  /** Maximum number of units that may be starting at the same time; 0 means no limit. */
  readonly startConcurrency: number;
  /** If true, the health checks of units are spread evenly over their intervals. */
  readonly spreadChecks?: boolean;
}

/** Key of the deadline for notifications. */
const NOTIFICATIONS = "notifications ";

/**
 * Holds all services and their units. The world applies each event to the unit that the event concerns. Then it follows the
 * effects along the dependencies until nothing more changes. It returns everything that must be done, but performs no action
 * itself. It gets the time only from the `env` of each call.
 *
 * A turn consists of one or more events (`handle`) and a conclusion (`conclude`), which updates alerts and jobs according to
 * the results of the events.
 */
export class World {
  readonly #units = new Units();
  readonly #checks: Checks;
  readonly #wishes: Wishes;
  readonly #jobs: JobBook;
  readonly #alerts = new AlertBook();
  readonly #rollouts: Rollouts;
  readonly #scalings: Scalings;
  readonly #onDemand: OnDemand;
  readonly #notifications: NotificationBook;
  /** False until all units are loaded. Before that, every unit looks new, so alerts must not be judged. */
  #resumed = false;

  constructor(options: WorldOptions = { startConcurrency: 0 }) {
    const units = this.#units;
    const apply: Apply = (id, event, step, act) => this.#apply(id, event, step, act);
    this.#checks = new Checks({ units, apply, spreadChecks: options.spreadChecks ?? false });
    this.#wishes = new Wishes({ units, apply, startConcurrency: options.startConcurrency });
    this.#rollouts = new Rollouts({
      units,
      replace: (id, generation, step) => this.#replace(id, generation, step),
      start: (spec, generation, earlierRuns, step) => {
        this.#load({ type: "load", spec, earlierRuns }, step);
        this.#replace(spec.id, generation, step);
      },
      load: (spec, step) => this.#load({ type: "load", spec }, step),
      remove: (id, step) => this.#unload(id, "operator", step, true),
    });
    const records = { units, records: this.#rollouts };
    this.#scalings = new Scalings({
      ...records,
      add: (specs, earlierRuns, starts, step) => {
        for (const spec of specs) this.#load({ type: "load", spec, earlierRuns: earlierRuns(spec.id) }, step);
        const ids = specs.map(({ id }) => id);
        if (starts) this.#wishes.request({ type: "request", action: "start", ids, cause: "scaling" }, step);
      },
      remove: (id, step) => this.#unload(id, "scaling", step),
      onDemand: () => this.#onDemand,
    });
    this.#onDemand = new OnDemand({
      ...records,
      request: (action, ids, step) => this.#wishes.request({ type: "request", action, ids, cause: "scaling" }, step),
      resize: (service, count, step) => this.#scalings.resize(service, count, step),
      launchFree: (step) => this.#wishes.launchFree(step),
    });
    this.#jobs = new JobBook({ get: units.get, wishes: this.#wishes, deadlines: units.deadlines });
    this.#notifications = new NotificationBook({ services: units.services, get: units.get });
  }

  get(id: string): Entry | undefined {
    return this.#units.get(id);
  }

  /** Returns the ids in the order in which units start: by priority, then by name. */
  ids(): string[] {
    return this.#units.ids();
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#units.entries();
  }

  service(name: string): Service | undefined {
    return this.#units.services.get(name);
  }

  services(): IterableIterator<Service> {
    return this.#units.services.all();
  }

  /** Returns the record of a service for the store, or undefined if there is nothing to store. */
  recordOf(service: string): ServiceMemory | undefined {
    return this.#rollouts.get(service);
  }

  /**
   * Returns the number of units of a service if `sup scale`, automatic scaling, or the additional units of a rollout changed
   * it. Returns undefined if its file decides.
   */
  scaleOf(service: string): number | undefined {
    return this.#rollouts.scaleOf(service);
  }

  /** Returns what automatic scaling would do with a service now, or null if the service has no automatic scaling. */
  scalingOf(service: string, nowMs: number): ScalingOutlook | null {
    return this.#scalings.outlook(service, nowMs);
  }

  /** Services that run on demand: which of them sleep, and whose sockets must stay open although no unit runs. */
  get onDemand(): Pick<OnDemand, "stateOf" | "listens"> {
    return this.#onDemand;
  }

  /** The services, for code that follows dependencies itself. */
  get serviceLookup(): Pick<Services, "unitsOf" | "quorumOf" | "usersOf"> {
    return this.#units.services;
  }

  /** Returns the ids of the units that a dependency names. The name is that of a service or of a single unit. */
  unitsOf(name: string): readonly string[] {
    return this.#units.services.unitsOf(name);
  }

  /** Returns the ids of the units that have a dependency on this unit or on its service. */
  dependentsOf(id: string): ReadonlySet<string> {
    return this.#units.services.usersOf(id);
  }

  job(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  episode(id: string): Episode | undefined {
    return this.#notifications.get(id);
  }

  /** Returns the monotonic time at which the world needs its next `tick`, or null if it needs none. */
  nextDueMs(): number | null {
    return this.#units.deadlines.next();
  }

  /** Returns the names of the dependencies that a waiting unit waits for. */
  waitingFor(id: string): string[] {
    return this.#wishes.waitingFor(id);
  }

  /** Returns the ids of the units that must be up before `ids`, including `ids`. */
  needs(ids: readonly string[]): Set<string> {
    return this.#wishes.needs(ids);
  }

  /**
   * Returns the ids of the units that `stop --cascade` stops: `ids`, and the units that need one of them and are up or would start
   * automatically. Dependents come first.
   */
  cascade(ids: readonly string[]): string[] {
    return this.#wishes.cascade(ids);
  }

  /** Returns the ids of the units that are up and need one of `ids`, directly or indirectly. `ids` themselves are excluded. */
  liveDependents(ids: readonly string[]): string[] {
    return this.#wishes.liveDependents(ids);
  }

  /** Handles one event. The returned turn is complete only after `conclude`. */
  handle(event: WorldEvent, env: Env): Turn {
    const turn = emptyTurn();
    this.#take(event, { env, turn });
    return turn;
  }

  /**
   * Completes a turn after all its events: continues rollouts, raises and resolves alerts, writes notifications, and updates
   * jobs. `wallMs` returns the wall clock time, which only notifications need.
   */
  conclude(turn: Turn, env: Env, wallMs = (): number => env.nowMs): void {
    if (this.#resumed) this.#rollouts.follow({ env, turn }, wallMs);
    if (this.#resumed) this.#onDemand.follow({ env, turn });
    if (this.#resumed) judgeAlerts(this.#alerts, this.#units, turn, env.nowMs);
    this.#notifications.conclude(turn.alerts, env.nowMs, wallMs, turn);
    this.#units.deadlines.put(NOTIFICATIONS, this.#notifications.dueMs);
    this.#jobs.follow({ env, turn });
  }

  #take(event: WorldEvent, step: Step): void {
    switch (event.type) {
      case "request":
        this.#jobs.create(event, step);
        return this.#wishes.request(this.#onDemand.request(event, step), step);
      case "connected":
        return this.#onDemand.connected(event, step);
      case "fact":
        this.#apply(event.id, event.fact, step);
        return event.fact.type === "notified" ? this.#checks.feed(event.id, event.fact, step) : undefined;
      case "probed":
        return this.#checks.probed(event, step);
      case "probeNow":
        return this.#checks.probeNow(event.id, step);
      case "measured":
        measure(event.samples, this.#units, (...args) => this.#apply(...args), step);
        return event.readings === undefined ? undefined : this.#scalings.measured(event.readings, step);
      case "observed":
        this.#alerts.observe(event.source, event.unit, event.conditions);
        return void step.turn.suspects.add(event.unit);
      case "tick":
        return this.#tick(step);
      case "load":
        return this.#load(event, step);
      case "unload":
        return this.#unload(event.id, event.cause ?? "reload", step);
      case "scaled":
        return this.#rollouts.put(event.service, { scale: event.scale }, step);
      case "restoreService":
        this.#onDemand.isDue(event.service);
        return this.#rollouts.restore(event.service, event.memory);
      case "rollout":
        return this.#rollouts.begin(event, step);
      case "rolloutControl":
        return this.#rollouts.control(event, step);
      case "forgetService":
        return this.#rollouts.put(event.service, NO_MEMORY, step);
      case "fileInForce":
        return this.#rollouts.put(event.service, { reverted: null }, step);
      case "located":
        return this.#rollouts.located(event, step);
      case "restore":
        return this.#restore(event, step);
      case "restoreJob":
        return this.#jobs.restore(event.job, step);
      case "resumed":
        return this.#begin(event, step);
      case "notifications": {
        const at = { nowMs: step.env.nowMs, wallMs: event.wallMs };
        this.#notifications.silence(event.silencedUntilMs ?? null, at);
        return this.#notifications.configure(event.settings, event.open, event.stored, at, step.turn);
      }
      case "acknowledged":
        return this.#notifications.acknowledge(event.alerts, step.turn);
    }
  }

  /** Applies one event to one unit, and follows its effects on others. */
  #apply(id: string, event: UnitEvent, step: Step, act = true): void {
    const { env, turn } = step;
    const entry = this.#units.get(id);
    if (entry === undefined) return;
    const result = stepUnit({ unit: entry.unit, spec: entry.spec, env }, event);
    if (result.kind === "refused") turn.refusals.push({ id, why: result.why });
    if (result.kind === "bug") turn.bugs.push(`${id}: ${result.why}`);
    if (result.kind !== "moved") return;
    for (const effect of result.effects) turn.effects.push({ id, ...effect });
    if (result.unit === entry.unit) return;
    turn.changed.add(id);
    const sinceMs = stateOf(result.unit) === stateOf(entry.unit) ? result.unit.sinceMs : env.nowMs;
    const version = result.unit.run === entry.unit.run ? result.unit.version : this.#versionOf(entry.spec);
    const after = this.#checks.follow(entry, { ...result.unit, sinceMs, ...(version !== undefined && { version }) }, env);
    this.#units.put(after);
    if (after.retired && isDown(after.unit.phase)) this.#forget(id, step);
    else this.#wishes.react(entry, after, step, act);
  }

  /**
   * Returns the number of the definition with which a new run of the unit begins. Undefined unless a rollout can restart the unit.
   */
  #versionOf(spec: Spec): number | undefined {
    return canRoll(spec) ? this.#rollouts.versionOf(spec.service) : undefined;
  }

  #tick(step: Step): void {
    const { env } = step;
    const seen = new Set<string>();
    for (let key = this.#units.deadlines.take(env.nowMs); key !== undefined; key = this.#units.deadlines.take(env.nowMs)) {
      const job = jobOfKey(key);
      const rolling = serviceOfKey(key);
      const onDemand = onDemandOfKey(key);
      if (rolling !== null) this.#rollouts.isDue(rolling);
      else if (onDemand !== null) this.#onDemand.isDue(onDemand);
      else if (job !== null) this.#jobs.forget(job, step.turn);
      else if (isAlertKey(key)) step.turn.suspects.add(unitOfAlertKey(key));
      else if (this.#units.has(key)) {
        this.#unitIsDue(key, step);
        seen.add(key);
      }
    }
    // Under load, probes queue behind each other, so critical units are probed first.
    const isCritical = (id: string): boolean => this.#units.get(id)?.spec.critical ?? false;
    for (const critical of [true, false]) for (const id of seen) if (isCritical(id) === critical) this.#checks.probe(id, step);
    for (const id of seen) this.#units.rearm(id, env.nowMs);
  }

  #unitIsDue(id: string, step: Step): void {
    const { unit, check, spec } = this.#units.get(id)!;
    const { due, run } = unit;
    const resetAtMs = retriesResetAtMs(unit, spec.restart);
    if (resetAtMs !== null && resetAtMs <= step.env.nowMs) this.#apply(id, { type: "stable", run }, step);
    if (due !== null && due.atMs <= step.env.nowMs) {
      const isStarting = due.why === "start-timeout" && unit.phase === "starting";
      const detail = isStarting ? whyNotReady(check, spec) : undefined;
      this.#apply(id, { type: "due", run, why: due.why, ...(detail !== undefined && { detail }) }, step);
    }
    this.#checks.checkWatchdog(id, step);
  }

  #load({ spec, earlierRuns }: Extract<WorldEvent, { type: "load" }>, step: Step): void {
    const before = this.#units.get(spec.id);
    step.turn.changed.add(spec.id);
    if (before === undefined) {
      const generation = spec.instance === null ? 0 : (this.#rollouts.get(spec.service)?.generation ?? 0);
      const unit = { ...freshUnit(spec.id, earlierRuns), ...(generation > 0 && { generation }) };
      this.#units.put({ spec, unit, check: null, watchdog: null, limits: null, retired: false });
      if (this.#rollouts.isSurge(spec)) this.#units.services.leaving(spec, true);
      // A new unit of a service changes how many units make up its quorum.
      if (spec.service !== spec.id) this.#wishes.launchFree(step);
      return;
    }
    const check = this.#checks.reloaded(before, spec, step.env);
    this.#units.put({ ...before, spec, check, retired: false });
    if (this.#rollouts.isSurge(spec)) this.#units.services.leaving(spec, true);
    for (const { unit } of before.spec.dependencies) this.#wishes.releaseNamed(unit, step);
    if (
      spec.check === null &&
      spec.type !== "notify" &&
      spec.readyLog === null &&
      before.unit.phase === "starting" &&
      isProbed(before.unit)
    )
      this.#apply(spec.id, { type: "ready", run: before.unit.run }, step);
    this.#wishes.launchFree(step);
  }

  /** Removes a unit, or retires it if it is up. `drains` is true if a rollout removes the unit. */
  #unload(id: string, cause: Cause, step: Step, drains = false): void {
    const entry = this.#units.get(id);
    if (entry === undefined) return;
    if (isDown(entry.unit.phase)) return this.#forget(id, step);
    this.#units.put({ ...entry, retired: true });
    this.#apply(id, { type: "stop", cause }, step);
    if (drains) drainAtStop(this.#units, id);
    this.#wishes.release(id, step);
    // The service has one unit less now, so its quorum may need fewer units.
    if (entry.spec.service !== id) this.#wishes.launchFree(step);
  }

  /** Starts or restarts a unit as part of a rollout. */
  #replace(id: string, generation: number, step: Step): void {
    const entry = this.#units.get(id)!;
    this.#units.put({ ...entry, unit: { ...entry.unit, generation } });
    drainAtStop(this.#units, id);
    this.#wishes.request({ type: "request", action: isDown(entry.unit.phase) ? "start" : "restart", ids: [id], cause: "operator" }, step);
  }

  #restore({ spec, unit, check }: Extract<WorldEvent, { type: "restore" }>, { env, turn }: Step): void {
    const watchdog = watchdogOf(null, unit, spec.watchdogMs, env.nowMs);
    const held = check !== null && awaitsReadyNotice(unit, spec) ? { ...check, dueMs: null } : check;
    this.#units.put({ spec, unit, check: held, watchdog, limits: null, retired: false });
    turn.changed.add(spec.id);
  }

  #forget(id: string, step: Step): void {
    const { dependencies } = this.#units.get(id)!.spec;
    this.#units.remove(id);
    this.#alerts.forget(id);
    step.turn.changed.delete(id);
    step.turn.removed.add(id);
    for (const { unit } of dependencies) this.#wishes.releaseNamed(unit, step);
    this.#wishes.launchFree(step);
  }

  #begin({ open, lastId }: Extract<WorldEvent, { type: "resumed" }>, { turn }: Step): void {
    this.#resumed = true;
    this.#alerts.restore(open, lastId);
    for (const id of ["", ...this.#alerts.units(), ...this.#units.ids()]) turn.suspects.add(id);
  }
}

import { formatDuration } from "../../base/duration.ts";
import { closure } from "../../base/graph.ts";
import { beginCheck, changedCheck, failedWords, healthNews, probed, probing, spread } from "../unit/check.ts";
import { Deadlines } from "./deadlines.ts";
import { Dependents } from "./dependents.ts";
import { blocks, endedToRestart, isAtRest, isUp } from "./dependencies.ts";
import type { Entry, Fact, Turn, WorldEvent } from "./types.ts";
import type { UnitEvent } from "../unit/events.ts";
import { awaitsReadyNotice, holdsStop, isDown, isProbed, isStarting, mayProbe, stateOf } from "../unit/phase.ts";
import { freshUnit, type Cause, type Env, type Unit } from "../unit/record.ts";
import { step } from "../unit/step.ts";
import { fed, looked, watchdogOf } from "../unit/watchdog.ts";

export type { Entry, Fact, Turn, WorldEffect, WorldEvent } from "./types.ts";

export interface WorldOptions {
  /** Units that may be starting at the same time; 0 is unlimited. */
  readonly startConcurrency: number;
  /** Spread the checks of units evenly over their intervals. */
  readonly spreadChecks?: boolean;
}

/** Multiples of the golden ratio, without their whole part, are as even as numbers can be whose count is not known before. */
const GOLDEN = 0.6180339887498949;

/**
 * All units together. The world routes events to units, carries wishes along the dependencies until nothing changes any
 * more, and hands back everything that is to be done. It acts on nothing and knows no clock but the `env` of each call.
 */
export class World {
  readonly #entries = new Map<string, Entry>();
  readonly #dependents = new Dependents();
  readonly #deadlines = new Deadlines(this.#entries);
  readonly #waiting = new Set<string>();
  readonly #options: WorldOptions;
  #starting = 0;
  /** Checks that have been spread so far. */
  #spread = 0;

  constructor(options: WorldOptions = { startConcurrency: 0 }) {
    this.#options = options;
  }

  readonly #find = (id: string): Entry | undefined => this.#entries.get(id);

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** In the order of start: priority, then name. */
  ids(): string[] {
    return [...this.#entries.keys()].sort((a, b) => this.#order(a, b));
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  dependentsOf(id: string): ReadonlySet<string> {
    return this.#dependents.of(id);
  }

  /** When the world wants a `tick` at the latest (monotonic), or null. */
  nextDueMs(): number | null {
    return this.#deadlines.next();
  }

  /** Ids of the dependencies that a waiting unit waits for. */
  waitingFor(id: string): string[] {
    const entry = this.#entries.get(id);
    if (entry?.unit.phase !== "waiting") return [];
    return entry.spec.dependencies.filter((dependency) => blocks(dependency, this.#find)).map((dependency) => dependency.unit);
  }

  /** Ids of the units that must be up before `ids`, `ids` included. */
  needs(ids: readonly string[]): Set<string> {
    return closure(ids, (id) =>
      (this.#entries.get(id)?.spec.dependencies ?? [])
        .filter((dependency) => dependency.required && this.#entries.has(dependency.unit))
        .map((dependency) => dependency.unit),
    );
  }

  /** Ids of the units that are up and need one of `ids`, directly or not; without `ids`. */
  liveDependents(ids: readonly string[]): string[] {
    return [...this.#needing(ids)].filter((id) => !ids.includes(id) && isUp(this.#entries.get(id)?.unit));
  }

  /** `ids` and all that needs them, directly or not. */
  #needing(ids: readonly string[]): Set<string> {
    return closure(ids, (id) => [...this.dependentsOf(id)].filter((user) => this.#requires(user, id)));
  }

  handle(event: WorldEvent, env: Env): Turn {
    const turn: Turn = { changed: new Set(), removed: new Set(), effects: [], refusals: [], bugs: [] };
    this.#take(event, env, turn);
    return turn;
  }

  #take(event: WorldEvent, env: Env, turn: Turn): void {
    switch (event.type) {
      case "request":
        return this.#request(event, env, turn);
      case "fact":
        this.#apply(event.id, event.fact, env, turn);
        return event.fact.type === "notified" ? this.#feed(event.id, event.fact, env, turn) : undefined;
      case "probed":
        return this.#probed(event, env, turn);
      case "probeNow":
        return this.#probeNow(event.id, env, turn);
      case "tick":
        return this.#tick(env, turn);
      case "load":
        return this.#load(event, env, turn);
      case "unload":
        return this.#unload(event.id, env, turn);
      case "restore":
        return this.#restore(event, env, turn);
    }
  }

  #request(event: Extract<WorldEvent, { type: "request" }>, env: Env, turn: Turn): void {
    const known = event.ids.filter((id) => this.#entries.has(id) && !this.#isForbidden(id, event.action, turn));
    if (event.action === "start") return this.#start(known, event.cause, env, turn);
    if (event.action === "stop") {
      // With their dependents, also those that would come back by themselves.
      const all = event.cascade ? [...this.#needing(known)].filter((id) => known.includes(id) || this.get(id)?.unit.want === "up") : known;
      for (const id of all) this.#apply(id, { type: "stop", cause: event.cause }, env, turn, false);
      return this.#settle(all, env, turn);
    }
    if (event.action === "restart") return this.#restart(known, event.cause, env, turn);
    for (const id of known) this.#apply(id, { type: event.action }, env, turn);
  }

  /** A unit whose file is gone runs until it is down, and no longer. */
  #isForbidden(id: string, action: string, turn: Turn): boolean {
    const forbidden = (action === "start" || action === "restart") && this.#entries.get(id)!.retired;
    if (forbidden) turn.refusals.push({ id, why: "its unit file is gone" });
    return forbidden;
  }

  /** The wishes first, all of them; then everything that is free launches by priority. */
  #start(ids: readonly string[], cause: Cause, env: Env, turn: Turn): void {
    const asked = new Set(ids);
    for (const id of this.needs(ids)) {
      if (asked.has(id)) this.#wish(id, cause, env, turn);
      else this.#pullOne(id, env, turn);
    }
    this.#settle(ids, env, turn);
  }

  #restart(ids: readonly string[], cause: Cause, env: Env, turn: Turn): void {
    for (const id of this.needs(ids)) if (!ids.includes(id)) this.#pullOne(id, env, turn);
    for (const id of ids.toSorted((a, b) => this.#order(a, b))) this.#apply(id, { type: "restart", cause }, env, turn, false);
    this.#settle(ids, env, turn);
  }

  /** All wishes are recorded: what they let go goes on, down or up. */
  #settle(ids: readonly string[], env: Env, turn: Turn): void {
    for (const id of ids) this.#release(id, env, turn);
    for (const id of this.needs(ids)) this.#releaseBelow(id, env, turn);
    this.#launchFree(env, turn);
  }

  #releaseBelow(id: string, env: Env, turn: Turn): void {
    for (const { unit } of this.#entries.get(id)?.spec.dependencies ?? []) this.#release(unit, env, turn);
  }

  /** A dependency is started unless it is up, coming, or has done what is asked of it. */
  #pullOne(id: string, env: Env, turn: Turn): void {
    const { unit, retired } = this.#entries.get(id)!;
    if (retired) return;
    const stoppingForGood = unit.want === "down" && !isDown(unit.phase);
    if (stoppingForGood || (isDown(unit.phase) && !unit.succeeded)) this.#wish(id, "dependency", env, turn);
  }

  #wish(id: string, cause: Cause, env: Env, turn: Turn): void {
    this.#apply(id, { type: "start", cause }, env, turn, false);
  }

  /** One event of one unit, and what follows from it. */
  #apply(id: string, event: UnitEvent, env: Env, turn: Turn, act = true): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const result = step({ unit: entry.unit, spec: entry.spec, env }, event);
    if (result.kind === "refused") turn.refusals.push({ id, why: result.why });
    if (result.kind === "bug") turn.bugs.push(`${id}: ${result.why}`);
    if (result.kind !== "moved") return;
    for (const effect of result.effects) turn.effects.push({ id, ...effect });
    if (result.unit === entry.unit) return;
    turn.changed.add(id);
    const sinceMs = stateOf(result.unit) === stateOf(entry.unit) ? result.unit.sinceMs : env.nowMs;
    const after = this.#withCheck(entry, { ...result.unit, sinceMs }, env);
    this.#put(after);
    this.#react(entry, after, env, turn, act);
  }

  /** A new run with a check begins it, and again at its READY=1, before which nothing is probed; the way down ends it. */
  #withCheck(entry: Entry, unit: Unit, env: Env): Entry {
    const { spec } = entry;
    const wasAlive = entry.unit.process !== null && entry.unit.run === unit.run;
    const begins = unit.process !== null && (!wasAlive || (awaitsReadyNotice(entry.unit, spec) && !awaitsReadyNotice(unit, spec)));
    const check = !begins ? entry.check : spec.check === null ? null : beginCheck(unit.run, env.nowMs);
    const watchdog = watchdogOf(entry.watchdog, unit, spec.watchdogMs, env.nowMs);
    if (check === null || check.dueMs === null || mayProbe(unit, spec)) return { ...entry, unit, check, watchdog };
    return { ...entry, unit, check: { ...check, dueMs: null }, watchdog };
  }

  #put(entry: Entry): void {
    const { id } = entry.unit;
    const before = this.#entries.get(id);
    this.#entries.set(id, entry);
    this.#deadlines.put(before, entry);
    this.#starting += Number(isStarting(entry.unit.phase)) - Number(before !== undefined && isStarting(before.unit.phase));
    if (entry.unit.phase === "waiting") this.#waiting.add(id);
    else this.#waiting.delete(id);
  }

  /** The wishes of others that a change of this unit fulfils or touches. Without `act` nobody moves for it yet: more wishes come. */
  #react(before: Entry, after: Entry, env: Env, turn: Turn, act: boolean): void {
    const { id } = after.unit;
    if (after.retired && isDown(after.unit.phase)) return this.#forget(id, env, turn);
    if (act && after.unit.phase === "waiting") this.#tryLaunch(id, env, turn);
    for (const user of this.dependentsOf(id)) {
      if (act) this.#tryLaunch(user, env, turn);
      if (endedToRestart(before.unit, after.unit)) this.#restartWith(user, id, env, turn);
    }
    if (!act) return;
    this.#releaseBelow(id, env, turn);
    const freedAPlace = this.#options.startConcurrency > 0 && isStarting(before.unit.phase) && !isStarting(after.unit.phase);
    // One that is not on its way any more lets go whoever only ordered itself after it, directly or not.
    const rests = after.unit.phase !== before.unit.phase && isAtRest(after.unit.phase);
    if (freedAPlace || rests) this.#launchFree(env, turn);
  }

  #launchFree(env: Env, turn: Turn): void {
    for (const id of [...this.#waiting].sort((a, b) => this.#order(a, b))) this.#tryLaunch(id, env, turn);
  }

  #tryLaunch(id: string, env: Env, turn: Turn): void {
    if (!this.#waiting.has(id)) return;
    if (this.#options.startConcurrency > 0 && this.#starting >= this.#options.startConcurrency) return;
    const { spec } = this.#entries.get(id)!;
    if (spec.dependencies.some((dependency) => blocks(dependency, this.#find))) return;
    this.#apply(id, { type: "clear" }, env, turn);
  }

  /** Lets a held stop go on when no dependent that is stopping too is still up. */
  #release(id: string, env: Env, turn: Turn): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.unit.want === "up" || !holdsStop(entry.unit.phase)) return;
    for (const user of this.dependentsOf(id)) {
      const dependent = this.#entries.get(user)?.unit;
      if (dependent !== undefined && dependent.want === "down" && !isDown(dependent.phase)) return;
    }
    this.#apply(id, { type: "release" }, env, turn);
  }

  #restartWith(user: string, id: string, env: Env, turn: Turn): void {
    const entry = this.#entries.get(user);
    const edge = entry?.spec.dependencies.find((dependency) => dependency.unit === id);
    if (edge?.restart && isUp(entry?.unit)) this.#apply(user, { type: "restart", cause: "dependency" }, env, turn);
  }

  #tick(env: Env, turn: Turn): void {
    const probed: string[] = [];
    for (let id = this.#deadlines.pop(env.nowMs); id !== undefined; id = this.#deadlines.pop(env.nowMs)) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      const { due, run } = entry.unit;
      if (due !== null && due.atMs <= env.nowMs) this.#apply(id, { type: "due", run, why: due.why }, env, turn);
      this.#lookAfter(id, env, turn);
      probed.push(id);
    }
    // Under load a probe waits for those before it: critical units are asked first.
    const isCritical = (id: string): boolean => this.#entries.get(id)?.spec.critical ?? false;
    for (const critical of [true, false]) for (const id of probed) if (isCritical(id) === critical) this.#probe(id, env, turn);
  }

  #feed(id: string, { run, notice }: Extract<Fact, { type: "notified" }>, env: Env, turn: Turn): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.unit.run !== run) return;
    const watchdog = fed(entry.watchdog, entry.unit, notice, env.nowMs);
    if (watchdog !== entry.watchdog) this.#put({ ...entry, watchdog });
    if (notice.watchdog === "trigger")
      this.#apply(id, { type: "condemned", run, by: "watchdog", detail: "it triggered its watchdog" }, env, turn);
  }

  #lookAfter(id: string, env: Env, turn: Turn): void {
    const entry = this.#entries.get(id);
    if (entry?.watchdog == null) return;
    const { state, expired } = looked(entry.watchdog, env.nowMs);
    if (state !== entry.watchdog) this.#put({ ...entry, watchdog: state });
    const detail = `no sign of life (WATCHDOG=1) within ${formatDuration(state.everyMs ?? 0)}`;
    if (expired) this.#apply(id, { type: "condemned", run: state.run, by: "watchdog", detail }, env, turn);
  }

  #probe(id: string, env: Env, turn: Turn): void {
    const entry = this.#entries.get(id);
    const check = entry?.check;
    if (entry === undefined || check?.dueMs == null || check.dueMs > env.nowMs) return;
    const next = probing(check);
    this.#put({ ...entry, check: next });
    turn.effects.push({ id, type: "probe", run: next.run, seq: next.seq });
  }

  #probeNow(id: string, env: Env, turn: Turn): void {
    const entry = this.#entries.get(id);
    if (entry?.check == null || entry.check.probing || !mayProbe(entry.unit, entry.spec)) return;
    this.#put({ ...entry, check: { ...entry.check, dueMs: env.nowMs } });
    this.#probe(id, env, turn);
  }

  #probed(event: Extract<WorldEvent, { type: "probed" }>, env: Env, turn: Turn): void {
    const entry = this.#entries.get(event.id);
    const spec = entry?.spec.check;
    if (!entry?.check || !spec || entry.check.run !== event.run || !isProbed(entry.unit)) return;
    const { state: after, verdict } = probed(entry.check, spec, event.seq, event.result, env.nowMs);
    if (after === entry.check) return;
    const spreads = verdict === "ready" && this.#options.spreadChecks === true;
    const state = spreads ? spread(after, spec, (++this.#spread * GOLDEN) % 1) : after;
    if (state.health !== entry.check.health) turn.changed.add(event.id);
    this.#put({ ...entry, check: state });
    if (verdict === "ready") this.#apply(event.id, { type: "ready", run: event.run }, env, turn);
    const news = healthNews(entry.check, state, spec, event.result);
    if (news !== null) turn.effects.push({ id: event.id, ...news });
    if (verdict === "unhealthy" && spec.action === "restart") {
      const detail = failedWords(state, event.result);
      this.#apply(event.id, { type: "condemned", run: event.run, by: "health", detail }, env, turn);
    }
  }

  #load({ spec, earlierRuns }: Extract<WorldEvent, { type: "load" }>, env: Env, turn: Turn): void {
    const before = this.#entries.get(spec.id);
    this.#dependents.change(before?.spec, spec);
    turn.changed.add(spec.id);
    if (before === undefined)
      return this.#put({ spec, unit: freshUnit(spec.id, earlierRuns), check: null, watchdog: null, retired: false });
    const alive = mayProbe(before.unit, before.spec);
    const ready = before.unit.phase !== "starting";
    const check = alive
      ? changedCheck(before.check, before.spec.check, spec.check, { run: before.unit.run, ready, nowMs: env.nowMs })
      : before.check;
    this.#put({ ...before, spec, check, retired: false });
    for (const { unit } of before.spec.dependencies) this.#release(unit, env, turn);
    if (spec.check === null && spec.type !== "notify" && before.unit.phase === "starting" && isProbed(before.unit))
      this.#apply(spec.id, { type: "ready", run: before.unit.run }, env, turn);
    this.#launchFree(env, turn);
  }

  #unload(id: string, env: Env, turn: Turn): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    if (isDown(entry.unit.phase)) return this.#forget(id, env, turn);
    this.#put({ ...entry, retired: true });
    this.#apply(id, { type: "stop", cause: "reload" }, env, turn);
    this.#release(id, env, turn);
  }

  #restore(event: Extract<WorldEvent, { type: "restore" }>, env: Env, turn: Turn): void {
    this.#dependents.change(this.#entries.get(event.spec.id)?.spec, event.spec);
    const { spec, unit, check } = event;
    const watchdog = watchdogOf(null, unit, spec.watchdogMs, env.nowMs);
    this.#put({
      spec,
      unit,
      check: check !== null && awaitsReadyNotice(unit, spec) ? { ...check, dueMs: null } : check,
      watchdog,
      retired: false,
    });
    turn.changed.add(spec.id);
  }

  #forget(id: string, env: Env, turn: Turn): void {
    const entry = this.#entries.get(id)!;
    this.#dependents.change(entry.spec, undefined);
    this.#entries.delete(id);
    this.#waiting.delete(id);
    turn.changed.delete(id);
    turn.removed.add(id);
    for (const { unit } of entry.spec.dependencies) this.#release(unit, env, turn);
    this.#launchFree(env, turn);
  }

  #requires(user: string, id: string): boolean {
    return this.#entries.get(user)?.spec.dependencies.some((dependency) => dependency.unit === id && dependency.required) ?? false;
  }

  #order(a: string, b: string): number {
    const first = this.#entries.get(a)!.spec;
    const second = this.#entries.get(b)!.spec;
    return first.priority - second.priority || (a < b ? -1 : a > b ? 1 : 0);
  }
}

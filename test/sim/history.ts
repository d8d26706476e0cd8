import type { Phase } from "../../src/core/unit/phase.ts";
import { emptyTurn, mergeTurn, type JobRequest } from "../../src/core/world/types.ts";
import { World, type Turn, type WorldEffect, type WorldEvent } from "../../src/core/world/world.ts";
import type { Spec } from "../../src/spec/spec.ts";
import { MessageLedger, SIM_NOTIFICATIONS } from "./messages.ts";
import { Outside } from "./outside.ts";
import { Random } from "./random.ts";
import { wrongAtRest, wrongInWorld, wrongJobs, wrongOutside, wrongWhenAllIsWell } from "./rules.ts";
import { changedUnit, makeUnits } from "./units.ts";

export interface Played {
  readonly events: number;
  readonly launches: number;
  readonly messages: number;
}

/** Plays one history from its seed. Throws with the seed and the last events if a rule is broken. */
export function playHistory(seed: number): Played {
  return new History(seed).play();
}

const CHAOS_MS = 20_000;
const CALM_MS = 40_000;
/** By then every alert that can be resolved is resolved, and every message is sent. */
const QUIET_MS = 150_000;
const TRACE = 40;

class History {
  readonly #seed: number;
  readonly #random: Random;
  readonly #specs: Spec[];
  readonly #startConcurrency: number;
  readonly #world: World;
  readonly #outside: Outside;
  readonly #messages = new MessageLedger();
  readonly #trace: string[] = [];
  readonly #jobs: string[] = [];
  /** Units that the operator stopped and that nothing should have started since. */
  readonly #stopped = new Set<string>();
  /** Restarts counted here. */
  readonly #restarts = new Map<string, number>();
  /** Units whose next launch is a start, not a restart. */
  readonly #fresh = new Set<string>();
  #nowMs = 0;
  #events = 0;
  #launches = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#specs = makeUnits(this.#random);
    this.#startConcurrency = this.#random.pick([0, 0, 1, 2]);
    this.#world = new World({ startConcurrency: this.#startConcurrency });
    const specOf = (id: string): Spec => this.#specs.find((spec) => spec.id === id)!;
    this.#outside = new Outside(
      this.#random,
      (id) => specOf(id).type,
      (id) => this.#world.get(id)?.unit.run ?? 0,
    );
  }

  play(): Played {
    this.#batch(this.#specs.map((spec) => ({ type: "load", spec })));
    this.#batch([
      { type: "resumed", open: [], lastId: 0 },
      { type: "notifications", settings: SIM_NOTIFICATIONS, open: [], stored: [], wallMs: 0 },
    ]);
    this.#batch([{ type: "request", action: "start", ids: this.#some(0.7), cause: "boot" }]);
    const operations = 5 + this.#random.below(25);
    for (let i = 0; i < operations; i++) this.#outside.at(this.#random.next() * CHAOS_MS, () => this.#batch([this.#operation()]));
    this.#runUntil(CHAOS_MS);
    this.#outside.kind = true;
    this.#runUntil(this.#nowMs + CALM_MS);
    this.#demand(wrongAtRest(this.#world) ?? this.#unwantedStart() ?? wrongJobs(this.#world, this.#jobs));
    this.#batch([{ type: "request", action: "start", ids: this.#world.ids(), cause: "operator", job: this.#job() }]);
    this.#runUntil(this.#nowMs + CALM_MS);
    this.#demand(wrongAtRest(this.#world) ?? wrongWhenAllIsWell(this.#world) ?? wrongJobs(this.#world, this.#jobs));
    this.#batch([{ type: "request", action: "stop", ids: this.#world.ids(), cause: "operator" }]);
    this.#runUntil(this.#nowMs + QUIET_MS);
    this.#demand(this.#messages.wrongAtRest(this.#world));
    return { events: this.#events, launches: this.#launches, messages: this.#messages.count };
  }

  /** An action of the operator or a change of the unit directory. */
  #operation(): WorldEvent {
    const random = this.#random;
    const spec = this.#specs[random.below(this.#specs.length)]!;
    const kind = random.below(12);
    if (kind === 0) return { type: "unload", id: spec.id };
    if (kind <= 2) {
      const place = this.#specs.indexOf(spec);
      const changed = kind === 1 ? changedUnit(random, spec, this.#specs.slice(0, place)) : spec;
      this.#specs[place] = changed;
      return { type: "load", spec: changed };
    }
    if (random.chance(0.15)) return this.#automatic(spec.id);
    const action = random.pick(["start", "start", "stop", "stop", "stop", "restart", "reset", "reload"]);
    const ids = random.chance(0.6) ? [spec.id] : this.#some(0.5);
    return { type: "request", action, ids, cause: "operator", cascade: random.chance(0.3), job: this.#job() };
  }

  #job(): JobRequest {
    const id = `j${this.#jobs.length}`;
    this.#jobs.push(id);
    return { id, warnings: [] };
  }

  /** A request of the daemon itself: a watched file changed, or a scheduled run is due. */
  #automatic(id: string): WorldEvent {
    const isUp = this.#world.get(id)?.unit.want === "up";
    if (isUp && this.#random.chance(0.5)) return { type: "request", action: "restart", ids: [id], cause: "watch" };
    const kill = this.#random.chance(0.3);
    return { type: "request", action: kill && isUp ? "restart" : "start", ids: [id], cause: "schedule" };
  }

  #some(share: number): string[] {
    return this.#specs.filter(() => this.#random.chance(share)).map((spec) => spec.id);
  }

  #runUntil(endMs: number): void {
    for (;;) {
      const outsideMs = this.#outside.nextMs() ?? Infinity;
      const dueMs = this.#world.nextDueMs() ?? Infinity;
      const nextMs = Math.min(outsideMs, dueMs);
      if (nextMs > endMs) break;
      // A busy daemon wakes late and finds several events in its mailbox.
      // Sometimes the machine sleeps: CLOCK_BOOTTIME continues, and everything is due at once.
      const asleepMs = !this.#outside.kind && this.#random.chance(0.003) ? this.#random.next() * 8_000 : 0;
      const lateMs = asleepMs + (this.#random.chance(0.3) ? this.#random.next() * 20 : 0);
      this.#nowMs = Math.max(this.#nowMs, nextMs + lateMs);
      const events = this.#outside.take(this.#nowMs);
      const tick: WorldEvent[] = dueMs <= this.#nowMs ? [{ type: "tick" }] : [];
      this.#batch(this.#random.chance(0.5) ? [...tick, ...events] : [...events, ...tick]);
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
    this.#outside.nowMs = this.#nowMs;
  }

  /** Handles all events of the mailbox before performing any effect. */
  #batch(events: readonly WorldEvent[]): void {
    const turn = emptyTurn();
    for (const event of events) mergeTurn(turn, this.#handle(event));
    this.#world.conclude(turn, { nowMs: this.#nowMs, roll: 0.5 });
    this.#demand(this.#messages.take(turn));
    for (const effect of turn.effects) this.#outside.perform(effect);
    this.#demand(wrongOutside(this.#world, this.#outside));
  }

  #handle(event: WorldEvent): Turn {
    this.#events++;
    const before = new Map([...this.#world.entries()].map(([id, { unit }]) => [id, { phase: unit.phase, run: unit.run }]));
    const turn = this.#world.handle(event, { nowMs: this.#nowMs, roll: this.#random.next() });
    this.#note(event, turn.effects);
    for (const bug of turn.bugs) this.#demand(`a bug: ${bug}`);
    for (const effect of turn.effects) {
      const run = this.#world.get(effect.id)?.unit.run;
      if ("run" in effect && run !== undefined && effect.run !== run)
        this.#demand(`${effect.id}: ${effect.type} names run ${effect.run} of ${run}`);
    }
    for (const id of turn.removed) {
      this.#restarts.delete(id);
      this.#fresh.delete(id);
    }
    this.#countRestarts(event, before);
    this.#noteRequest(event);
    this.#demand(wrongInWorld(this.#world, this.#startConcurrency));
    return turn;
  }

  /** A launch is a restart unless a requested start took the unit out of rest. */
  #countRestarts(event: WorldEvent, before: ReadonlyMap<string, { phase: Phase; run: number }>): void {
    for (const [id, { unit }] of this.#world.entries()) {
      const was = before.get(id);
      if (was === undefined) continue;
      const launched = unit.run > was.run;
      if (REST.has(was.phase) && (launched || unit.phase === "waiting")) {
        if (isFreshStart(event, id, was.run)) this.#fresh.add(id);
        else this.#fresh.delete(id);
      } else if (was.phase !== "waiting") this.#fresh.delete(id);
      if (!launched) continue;
      this.#launches++;
      if (!this.#fresh.delete(id)) this.#restarts.set(id, (this.#restarts.get(id) ?? 0) + 1);
      const seen = this.#restarts.get(id) ?? 0;
      const counted = Object.values(unit.requestedRestarts).reduce((sum, count) => sum + count, unit.restarts);
      if (seen !== counted) this.#demand(`${id}: it counts ${counted} restarts instead of ${seen}`);
    }
  }

  #noteRequest(event: WorldEvent): void {
    if (event.type === "unload") this.#stopped.delete(event.id);
    if (event.type !== "request") return;
    if (event.action === "start" || event.action === "restart") for (const id of this.#world.needs(event.ids)) this.#stopped.delete(id);
    if (event.action === "stop") for (const id of event.ids) if (this.#world.get(id)) this.#stopped.add(id);
  }

  #unwantedStart(): string | null {
    for (const id of this.#stopped.keys()) {
      const unit = this.#world.get(id)?.unit;
      if (unit !== undefined && (unit.want !== "down" || this.#outside.alive(id)))
        return `${id}: the operator stopped it, but it is ${unit.phase}`;
    }
    return null;
  }

  #note(event: WorldEvent, effects: readonly WorldEffect[]): void {
    const spec = event.type === "load" ? ` ${event.spec.id}` : "";
    const what = JSON.stringify(event.type === "load" ? { type: "load" } : event);
    const performed = effects
      .map((effect) => (effect.type === "record" ? `${effect.id}:${effect.event.type}` : `${effect.id}!${effect.type}`))
      .join(" ");
    this.#trace.push(`${this.#nowMs.toFixed(1)} ${what}${spec} → ${performed}`);
    if (this.#trace.length > TRACE) this.#trace.shift();
  }

  #demand(wrong: string | null): void {
    if (wrong === null) return;
    throw new Error(`${wrong}\nrun it again with SUP_SIM_SEED=${this.#seed}\n${this.#trace.join("\n")}`);
  }
}

const REST: ReadonlySet<Phase> = new Set(["idle", "failed", "fatal", "backoff"]);

function isFreshStart(event: WorldEvent, id: string, runs: number): boolean {
  if (event.type !== "request") return false;
  return event.action !== "restart" || !event.ids.includes(id) || runs === 0;
}

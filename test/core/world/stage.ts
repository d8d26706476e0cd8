import type { Draft } from "../../../src/core/notifications/draft.ts";
import type { AlertChange } from "../../../src/core/alerts/alerts.ts";
import type { Exit } from "../../../src/base/exit.ts";
import { stateOf, type Phase } from "../../../src/core/unit/phase.ts";
import type { Cause, Unit } from "../../../src/core/unit/record.ts";
import { World, type Fact, type Turn, type WorldEffect, type WorldEvent } from "../../../src/core/world/world.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import { code, killedBy, makeSpec, ref, type SpecParts } from "../fixtures.ts";

/** `{ db: {}, web: { dependencies: ["db"] } }` on a stage. */
export function staged(units: Record<string, SpecParts>, startConcurrency = 0): Stage {
  return new Stage(
    Object.entries(units).map(([id, parts]) => makeSpec(id, parts)),
    startConcurrency,
  );
}

export const CHAIN = { db: {}, web: { dependencies: ["db"] } } satisfies Record<string, SpecParts>;
export const NOTIFY = { type: "notify" } as const;
export const ONESHOT = { type: "oneshot" } as const;

/** A world whose outside answers at once and does what it is told, but for the units that a test makes difficult. */
export class Stage {
  readonly world: World;
  nowMs = 0;
  /** What was done, in order: `spawn db`, `signal web`, `kill web`, `probe web`, … */
  acts: string[] = [];
  /** The numbers of the signals that were sent, in order. */
  readonly sent: number[] = [];
  /** Alerts that were opened and resolved, in order. */
  readonly alerts: AlertChange[] = [];
  /** Messages about them, in order. */
  readonly outbox: Draft[] = [];
  /** The wall clock when `nowMs` is 0. */
  wallMs = 0;
  /** Units whose command, once executed, is not heard of until `answer`. */
  readonly slow = new Set<string>();
  /** Units that can't be executed. */
  readonly broken = new Set<string>();
  /** Units that ignore the stop signal. */
  readonly stubborn = new Set<string>();
  /** Units whose probes fail. */
  readonly ill = new Set<string>();
  readonly #held = new Map<string, WorldEvent>();
  /** Runs whose command could not be executed, so that no process receives a signal. */
  readonly #unborn = new Set<string>();
  readonly #mailbox: WorldEvent[] = [];

  constructor(specs: readonly Spec[], startConcurrency = 0) {
    this.world = new World({ startConcurrency });
    for (const spec of specs) this.post({ type: "load", spec });
    this.acts = [];
  }

  start = (...ids: string[]): this => this.request("start", ids);
  stop = (...ids: string[]): this => this.request("stop", ids);
  restart = (...ids: string[]): this => this.request("restart", ids);
  reset = (...ids: string[]): this => this.request("reset", ids);
  cascade = (...ids: string[]): this => this.post({ type: "request", action: "stop", ids, cause: "operator", cascade: true });

  request(action: "start" | "stop" | "restart" | "reset" | "reload", ids: readonly string[], cause: Cause = "operator"): this {
    return this.post({ type: "request", action, ids, cause });
  }

  load = (spec: Spec): this => this.post({ type: "load", spec });
  unload = (id: string): this => this.post({ type: "unload", id });

  /** The main process ends by itself. */
  exits(id: string, exit: Exit | number): this {
    return this.fact(id, { type: "exited", run: this.unit(id).run, exit: typeof exit === "number" ? code(exit) : exit });
  }

  ready = (id: string): this => this.fact(id, { type: "ready", run: this.unit(id).run });
  fact = (id: string, fact: Fact): this => this.post({ type: "fact", id, fact });

  /** The slow command of the unit was executed at last. */
  answer(id: string): this {
    const event = this.#held.get(id);
    if (event === undefined) throw new Error(`${id} has nothing to answer`);
    this.#held.delete(id);
    return this.post(event);
  }

  /** Lets time pass, with everything that is due on the way. */
  pass(ms: number): this {
    const end = this.nowMs + ms;
    for (let next = this.world.nextDueMs(); next !== null && next <= end; next = this.world.nextDueMs()) {
      this.nowMs = Math.max(this.nowMs, next);
      this.post({ type: "tick" });
    }
    this.nowMs = end;
    return this;
  }

  /** Hands in the event and everything that comes of it. Returns after the last answer. */
  post(event: WorldEvent): this {
    this.#mailbox.push(event);
    for (let next = this.#mailbox.shift(); next !== undefined; next = this.#mailbox.shift()) this.handle(next);
    return this;
  }

  handle(event: WorldEvent): Turn {
    const env = { nowMs: this.nowMs, roll: 0.5 };
    const turn = this.world.handle(event, env);
    this.world.conclude(turn, env, () => this.wallMs + this.nowMs);
    this.alerts.push(...turn.alerts);
    this.outbox.push(...turn.outbox);
    if (turn.bugs.length > 0) throw new Error(turn.bugs.join("\n"));
    for (const effect of turn.effects) this.#perform(effect);
    return turn;
  }

  unit(id: string): Unit {
    const entry = this.world.get(id);
    if (entry === undefined) throw new Error(`no unit ${id}`);
    return entry.unit;
  }

  phase = (id: string): Phase => this.unit(id).phase;

  /** `db running, web starting`. */
  get states(): string {
    return this.world
      .ids()
      .map((id) => `${id} ${stateOf(this.unit(id))}`)
      .join(", ");
  }

  /** The spawns among the acts so far; forgets all. */
  spawns = (): string[] => this.take().filter((act) => act.startsWith("spawn"));

  /** The acts so far, and forgets them. */
  take(): string[] {
    const acts = this.acts;
    this.acts = [];
    return acts;
  }

  #perform(effect: WorldEffect): void {
    const { id } = effect;
    if (effect.type === "record" || effect.type === "note") return;
    if (effect.type !== "sweep") this.acts.push(`${effect.type} ${id}`);
    const { run } = effect;
    switch (effect.type) {
      case "spawn":
        return this.#spawn(id, run);
      case "signal":
        this.sent.push(effect.signal);
        return this.stubborn.has(id) ? undefined : this.#killed(id, run, 15);
      case "kill":
        return this.#killed(id, run, 9);
      case "sweep":
        return this.#fact(id, { type: "swept", run, killed: [] });
      case "prepare":
        return this.#fact(id, { type: "prepared", run, failure: null });
      case "finish":
        return this.#fact(id, { type: "finished", run, failure: null });
      case "testRestart":
        return this.#fact(id, { type: "restartTested", run, failure: this.broken.has(id) ? "exit code 1" : null });
      case "reload":
        return this.#fact(id, { type: "reloaded", run, failure: null });
      case "probe": {
        const kind = this.ill.has(id) ? "bad" : "ok";
        const result = { atMs: this.nowMs, kind, detail: kind, responseMs: 1, fallback: false } as const;
        this.#mailbox.push({ type: "probed", id, run, seq: effect.seq, result });
        return;
      }
    }
  }

  #spawn(id: string, run: number): void {
    const failure = { stage: "exec", message: "no such file", resources: false } as const;
    if (this.broken.has(id)) {
      this.#unborn.add(`${id} ${run}`);
      return this.#fact(id, { type: "spawnFailed", run, failure });
    }
    this.#unborn.delete(`${id} ${run}`); // a unit that was removed and loaded again counts its runs from 1
    const spawned: WorldEvent = { type: "fact", id, fact: { type: "spawned", run, process: ref(100 + run) } };
    if (this.slow.has(id)) this.#held.set(id, spawned);
    else this.#mailbox.push(spawned);
  }

  #killed(id: string, run: number, signal: number): void {
    if (!this.#unborn.has(`${id} ${run}`)) this.#fact(id, { type: "exited", run, exit: killedBy(signal) });
  }

  #fact(id: string, fact: Fact): void {
    this.#mailbox.push({ type: "fact", id, fact });
  }
}

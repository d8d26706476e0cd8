import { jest } from "bun:test";
import type { Exit } from "../../../src/base/exit.ts";
import type { Unit } from "../../../src/core/unit/record.ts";
import { World, type WorldEffect } from "../../../src/core/world/world.ts";
import { Engine } from "../../../src/daemon/engine/engine.ts";
import { code, makeSpec, ref, type SpecParts } from "../../core/fixtures.ts";

/** 2026-01-01T00:00:00Z. */
export const NEW_YEAR = Date.UTC(2026, 0, 1);

/**
 * A world and its engine. Processes start at once and end when the test says so. Time advances only by `pass`, which needs
 * `jest.useFakeTimers()`.
 */
export class SmallDaemon {
  readonly world = new World({ startConcurrency: 0 });
  readonly engine: Engine;
  /** Type and unit of the events that are not steps of a unit's machine: `schedule-missed job`, `limit-near web`. */
  readonly events: string[] = [];
  readonly messages: string[] = [];
  /** Notes in the logs of units. */
  readonly notes: string[] = [];
  readonly bugs: string[] = [];
  #monotonicMs = 0;
  /** Wall clock minus monotonic clock. */
  #offsetMs = NEW_YEAR;
  #wake: { readonly atMs: number; readonly callback: () => void } | null = null;

  readonly clock = {
    monotonicMs: (): number => this.#monotonicMs,
    wallMs: (): number => this.#monotonicMs + this.#offsetMs,
    roll: (): number => 0.5,
    wakeAt: (atMs: number | null, callback: () => void): void => {
      this.#wake = atMs === null ? null : { atMs, callback };
    },
  };

  readonly recorder = {
    tell: (type: string, message: string, id: string | null = null): void => {
      this.events.push(`${type} ${id ?? "sup"}`);
      this.messages.push(message);
    },
  };

  constructor(units: Readonly<Record<string, SpecParts>>, monotonicMs = 0) {
    this.#monotonicMs = monotonicMs;
    const bug = (message: string, error?: unknown): void => void this.bugs.push(`${message} ${String(error)}`);
    const perform = (effect: WorldEffect): void => this.#perform(effect);
    this.engine = new Engine({
      world: this.world,
      clock: this.clock,
      sink: { record: () => undefined, publish: () => undefined, perform, bug },
    });
    for (const [id, parts] of Object.entries(units)) this.load(id, parts);
  }

  load = (id: string, parts: SpecParts): void => this.engine.handle({ type: "load", spec: makeSpec(id, parts) });
  unload = (id: string): void => this.engine.handle({ type: "unload", id });
  unit = (id: string): Unit => this.world.get(id)!.unit;

  start(id: string): void {
    this.engine.handle({ type: "request", action: "start", ids: [id], cause: "operator" });
  }

  /** The main process ends. */
  async exits(id: string, exit: Exit = code(0)): Promise<void> {
    this.engine.handle({ type: "fact", id, fact: { type: "exited", run: this.unit(id).run, exit } });
    await this.settle();
  }

  /** Advances both clocks and fires timers. */
  async pass(ms: number): Promise<void> {
    this.#monotonicMs += ms;
    jest.advanceTimersByTime(ms);
    const wake = this.#wake;
    if (wake !== null && wake.atMs <= this.#monotonicMs) wake.callback();
    await this.settle();
  }

  /** Sets the wall clock forwards, or back when negative. */
  setClockBy(ms: number): void {
    this.#offsetMs += ms;
  }

  /** Lets the engine handle everything that was posted. */
  async settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  #perform(effect: WorldEffect): void {
    const { id } = effect;
    if (effect.type === "note") this.notes.push(`${id}: ${effect.text}`);
    if (effect.type === "record" && effect.event.type.startsWith("limit-")) this.events.push(`${effect.event.type} ${id}`);
    if (effect.type === "spawn")
      this.engine.post({ type: "fact", id, fact: { type: "spawned", run: effect.run, process: ref(100 + effect.run) } });
    if (effect.type === "sweep") this.engine.post({ type: "fact", id, fact: { type: "swept", run: effect.run, killed: [] } });
    if (effect.type === "signal" || effect.type === "kill")
      this.engine.post({ type: "fact", id, fact: { type: "exited", run: effect.run, exit: code(0) } });
  }
}

import type { Env } from "../core/unit/record.ts";
import type { Turn, World, WorldEffect, WorldEvent } from "../core/world.ts";
import type { Clock } from "../ports/clock.ts";

/** What happens with the outcome of a turn, in this order. */
export interface TurnSink {
  /** Writes what must survive, before anything is done that it promises. */
  record(turn: Turn): void;
  publish(turn: Turn): void;
  perform(effects: readonly WorldEffect[]): void;
  bug(message: string, error?: unknown): void;
}

/**
 * The one mailbox. Events are taken in order; between taking an event and committing what it led to nothing else runs.
 * All that is in the mailbox is one turn: one transaction, then the effects, whose results are the next turn.
 */
export class Engine {
  readonly #world: World;
  readonly #clock: Clock;
  readonly #sink: TurnSink;
  #mailbox: WorldEvent[] = [];
  #running = false;
  #armedMs: number | null = null;
  readonly #watchers = new Set<(turn: Turn) => void>();

  constructor(options: { readonly world: World; readonly clock: Clock; readonly sink: TurnSink }) {
    this.#world = options.world;
    this.#clock = options.clock;
    this.#sink = options.sink;
  }

  /** Events taken in and not yet handled: for the daemon's own metrics. */
  get depth(): number {
    return this.#mailbox.length;
  }

  /** Handles the event now, or after what is being handled when it comes from an effect. */
  post(...events: readonly WorldEvent[]): void {
    for (const event of events) this.#mailbox.push(event);
    if (!this.#running) this.#run();
  }

  /** Calls back after each turn that changed something. Returns a stop. */
  watch(watcher: (turn: Turn) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The refusal of the unit's request, if it was refused: handles it at once. */
  ask(event: Extract<WorldEvent, { type: "request" }>): Turn["refusals"] {
    let refusals: Turn["refusals"] = [];
    const stop = this.watch((turn) => {
      if (turn.refusals.length > 0) refusals = [...refusals, ...turn.refusals];
    });
    try {
      this.post(event);
    } finally {
      stop();
    }
    return refusals;
  }

  #run(): void {
    this.#running = true;
    try {
      while (this.#mailbox.length > 0) {
        const events = this.#mailbox;
        this.#mailbox = [];
        this.#turn(events);
      }
    } finally {
      this.#running = false;
      this.#arm();
    }
  }

  #turn(events: readonly WorldEvent[]): void {
    const turn: Turn = { changed: new Set(), removed: new Set(), effects: [], refusals: [], bugs: [] };
    for (const event of events) {
      try {
        merge(turn, this.#world.handle(event, this.#env()));
      } catch (error) {
        this.#sink.bug(`an event of type ${event.type} was lost`, error);
      }
    }
    for (const bug of turn.bugs) this.#sink.bug(bug);
    this.#guard("record", () => this.#sink.record(turn));
    this.#guard("publish", () => this.#sink.publish(turn));
    for (const watcher of this.#watchers) this.#guard("watch", () => watcher(turn));
    this.#guard("perform", () => this.#sink.perform(turn.effects));
  }

  #env(): Env {
    return { nowMs: this.#clock.monotonicMs(), roll: this.#clock.roll() };
  }

  #arm(): void {
    const at = this.#world.nextDueMs();
    if (at === this.#armedMs) return;
    this.#armedMs = at;
    this.#clock.wakeAt(at, () => {
      this.#armedMs = null;
      this.post({ type: "tick" });
    });
  }

  #guard(what: "record" | "publish" | "watch" | "perform", action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#sink.bug(`cannot ${what} a turn`, error);
    }
  }
}

function merge(into: Turn, turn: Turn): void {
  for (const id of turn.changed) into.changed.add(id);
  for (const id of turn.removed) {
    into.changed.delete(id);
    into.removed.add(id);
  }
  into.effects.push(...turn.effects);
  into.refusals.push(...turn.refusals);
  into.bugs.push(...turn.bugs);
}

import { invariant } from "../../base/invariant.ts";
import type { Env } from "../../core/unit/record.ts";
import type { Turn, World, WorldEffect, WorldEvent } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";

/** What happens with the outcome of turns. */
export interface TurnSink {
  /** Writes what must survive, before anything is done that it promises. */
  record(turn: Turn): void;
  /** Tells those who watch, when everything is done. */
  publish(turn: Turn): void;
  perform(effect: WorldEffect): void;
  bug(message: string, error?: unknown): void;
}

/**
 * The one mailbox. Events are taken in order; between taking an event and deciding what it leads to nothing else runs.
 *
 * Events that come in one turn of the loop are handled together, and what they lead to is written in one transaction: at
 * the latest before the first effect that must not be forgotten (a signal, say), or when the mailbox is empty. So a crash
 * that is answered by a restart is one write, after the new process runs, and so are a hundred of them.
 */
export class Engine {
  readonly #world: World;
  readonly #clock: Clock;
  readonly #sink: TurnSink;
  #mailbox: WorldEvent[] = [];
  #unwritten = emptyTurn();
  #unpublished: Turn[] = [];
  #running = false;
  #scheduled = false;
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

  /** Handles the events when the code that tells of them has returned, with all others that came meanwhile. */
  post(...events: readonly WorldEvent[]): void {
    for (const event of events) this.#mailbox.push(event);
    if (this.#running || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** Handles the events, and what waits before them, now. Not to be called from an effect. */
  handle(...events: readonly WorldEvent[]): void {
    invariant(!this.#running, "an effect must post its events");
    for (const event of events) this.#mailbox.push(event);
    this.#run();
  }

  /** Calls back after each turn that changed something. Returns a stop. */
  watch(watcher: (turn: Turn) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The refusals of a request: handles it at once. */
  ask(event: Extract<WorldEvent, { type: "request" }>): Turn["refusals"] {
    const refusals: Turn["refusals"] = [];
    const stop = this.watch((turn) => void refusals.push(...turn.refusals));
    try {
      this.handle(event);
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
      this.#commit();
      for (const turn of this.#unpublished.splice(0)) this.#guard("publish", () => this.#sink.publish(turn));
    } finally {
      this.#running = false;
      this.#arm();
    }
  }

  #turn(events: readonly WorldEvent[]): void {
    const turn = emptyTurn();
    for (const event of events) {
      try {
        merge(turn, this.#world.handle(event, this.#env()));
      } catch (error) {
        this.#sink.bug(`an event of type ${event.type} was lost`, error);
      }
    }
    for (const bug of turn.bugs) this.#sink.bug(bug);
    merge(this.#unwritten, turn);
    for (const watcher of this.#watchers) this.#guard("watch", () => watcher(turn));
    for (const effect of turn.effects) {
      if (reachesOutside(effect)) this.#commit();
      this.#guard("perform", () => this.#sink.perform(effect));
    }
  }

  #commit(): void {
    const turn = this.#unwritten;
    if (turn.changed.size === 0 && turn.removed.size === 0 && turn.effects.length === 0) return;
    this.#unwritten = emptyTurn();
    this.#guard("record", () => this.#sink.record(turn));
    this.#unpublished.push(turn);
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
      this.handle({ type: "tick" });
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

const emptyTurn = (): Turn => ({ changed: new Set(), removed: new Set(), effects: [], refusals: [], bugs: [] });

/**
 * What the next daemon must find written when this one ends in the middle of it. Not a spawn: the run's number gives its
 * SUP_INVOCATION_ID, by which the next daemon finds what was spawned and not written down.
 */
const reachesOutside = ({ type }: WorldEffect): boolean => type !== "tell" && type !== "probe" && type !== "sweep" && type !== "spawn";

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

import { invariant } from "../../base/invariant.ts";
import type { Env } from "../../core/unit/record.ts";
import { emptyTurn, isEmpty, mergeTurn } from "../../core/world/types.ts";
import type { Turn, World, WorldEffect, WorldEvent } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";

/** Receives the outcome of turns. */
export interface TurnSink {
  /** Stores the turn in one transaction, before any effect that depends on it is performed. */
  record(turn: Turn): void;
  /** Sends the turn to subscribers, after its effects were performed. */
  publish(turn: Turn): void;
  perform(effect: WorldEffect): void;
  bug(message: string, error?: unknown): void;
}

/**
 * The single mailbox. Events are handled in order; nothing else runs between taking an event and deciding what it leads to.
 *
 * Events that arrive in one iteration of the event loop form one turn, and a turn is stored in one transaction: at the latest before
 * the first effect that the next daemon must know of (a signal, say), or when the mailbox is empty. A crash that leads to a restart
 * is therefore one write, made after the new process runs, and so are a hundred crashes at once.
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

  /** Number of events that wait to be handled: for the daemon's own metrics. */
  get depth(): number {
    return this.#mailbox.length;
  }

  /** Queues the events; they are handled after the caller has returned, together with all others that arrived meanwhile. */
  post(...events: readonly WorldEvent[]): void {
    for (const event of events) this.#mailbox.push(event);
    if (this.#running || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** Handles the events now, after those that are queued already. Must not be called from an effect. */
  handle(...events: readonly WorldEvent[]): void {
    invariant(!this.#running, "an effect must post its events");
    for (const event of events) this.#mailbox.push(event);
    this.#run();
  }

  /** Calls back after each turn. Returns a function that ends it. */
  watch(watcher: (turn: Turn) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Handles the request now and returns its refusals. */
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
        mergeTurn(turn, this.#world.handle(event, this.#env()));
      } catch (error) {
        this.#sink.bug(`an event of type ${event.type} was lost`, error);
      }
    }
    this.#guard("conclude", () => this.#world.conclude(turn, this.#env()));
    for (const bug of turn.bugs) this.#sink.bug(bug);
    mergeTurn(this.#unwritten, turn);
    for (const watcher of this.#watchers) this.#guard("watch", () => watcher(turn));
    for (const effect of turn.effects) {
      if (reachesOutside(effect)) this.#commit();
      this.#guard("perform", () => this.#sink.perform(effect));
    }
  }

  #commit(): void {
    const turn = this.#unwritten;
    if (isEmpty(turn)) return;
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

  #guard(what: "conclude" | "record" | "publish" | "watch" | "perform", action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#sink.bug(`cannot ${what} a turn`, error);
    }
  }
}

/**
 * Must be stored before it is performed, for the next daemon in case this one ends in the middle of it. A spawn need not: the run's
 * number gives its SUP_INVOCATION_ID, by which the next daemon finds a process that was spawned and not recorded.
 */
const reachesOutside = ({ type }: WorldEffect): boolean =>
  type !== "record" && type !== "note" && type !== "probe" && type !== "sweep" && type !== "spawn";

import { invariant } from "../../base/invariant.ts";
import type { Env } from "../../core/unit/record.ts";
import { emptyTurn, isEmpty, mergeTurn } from "../../core/world/types.ts";
import type { Turn, World, WorldEffect, WorldEvent } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";

/** Receives the results of turns. */
export interface TurnSink {
  /** Stores the turn in one transaction, before any effect that depends on it is performed. */
  record(turn: Turn): void;
  /** Sends the turn to subscribers, after its effects were performed. */
  publish(turn: Turn): void;
  perform(effect: WorldEffect): void;
  bug(message: string, error?: unknown): void;
}

/**
 * The daemon's only mailbox. Events are handled in order. No other code runs between the moment when the engine takes an event and
 * the moment when it has decided on the consequences.
 *
 * Events that arrive in one iteration of the event loop form one turn. Each turn is stored in one transaction. This happens when the
 * mailbox is empty, or earlier if an effect follows that the next daemon must know about (for example a signal). Therefore a crash
 * that leads to a restart costs one write, after the new process runs. A hundred crashes at the same moment also cost one write.
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

  /** Number of events that wait in the mailbox, for the daemon's own metrics. */
  get depth(): number {
    return this.#mailbox.length;
  }

  /** Queues the events. They are handled after the caller has returned, together with all events that arrive until then. */
  post(...events: readonly WorldEvent[]): void {
    for (const event of events) this.#mailbox.push(event);
    if (this.#running || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** Handles the events now, after the events that are already in the queue. Must not be called from an effect. */
  handle(...events: readonly WorldEvent[]): void {
    invariant(!this.#running, "an effect must post its events");
    for (const event of events) this.#mailbox.push(event);
    this.#run();
  }

  /** Calls `watcher` after each turn. Returns the unsubscribe function. */
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
    this.#guard("conclude", () => this.#world.conclude(turn, this.#env(), () => this.#clock.wallMs()));
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
 * Returns true for an effect whose turn must be stored before the effect is performed. Otherwise, if this daemon died in
 * between, the next daemon would not know about the effect. A spawn is not such an effect. The next daemon can compute
 * SUP_INVOCATION_ID from the number of the run, and can therefore find a process that was spawned but not recorded.
 */
const reachesOutside = ({ type }: WorldEffect): boolean =>
  type !== "record" && type !== "note" && type !== "probe" && type !== "sweep" && type !== "spawn";

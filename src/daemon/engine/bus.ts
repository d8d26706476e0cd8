import type { StreamChange } from "../../api/contract/shapes.ts";
import type { Clock } from "../../ports/clock.ts";

type BusClock = Pick<Clock, "wallMs" | "monotonicMs">;
type Subscriber = (id: number, change: StreamChange) => void;

/**
 * Maximum total weight of the changes that are kept for subscribers that reconnect. A change normally weighs 1. A change with
 * metrics weighs 1 for each of its units, because the metrics of a thousand units take a hundred kilobytes every five
 * seconds.
 */
const KEPT = 2048;
/** Excess weight at which old changes are removed. Each removal moves the whole array, so it is done rarely. */
const SLACK = KEPT / 4;
/** Time in milliseconds for which changes are kept after the last subscriber has left, in case it reconnects. */
const RECONNECT_MS = 60_000;

/**
 * Publishes changes to subscribers, with ids that have no gaps. Without subscribers, changes are not even described, because
 * that would cost more than the rest of a turn. In that case the next subscriber gets a snapshot. The first id is taken from
 * the wall clock. Therefore the ids of earlier daemons are always smaller, and cannot be confused with the ids of this
 * daemon.
 */
export class Bus {
  #nextId: number;
  readonly #ring: Array<{ readonly id: number; readonly change: StreamChange }> = [];
  /** The total weight of all changes in the ring. */
  #weight = 0;
  readonly #subscribers = new Set<Subscriber>();
  /** When the last subscriber left. */
  #lastLeftMs = -Infinity;
  readonly #clock: BusClock;
  readonly #onError: (error: unknown) => void;

  constructor({ clock, onError }: { readonly clock: BusClock; readonly onError: (error: unknown) => void }) {
    this.#nextId = Math.floor(clock.wallMs()) * 1000;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** `describe` is called only if somebody may receive the change. */
  publish(describe: () => StreamChange): void {
    const id = this.#nextId++;
    if (this.#subscribers.size === 0 && this.#clock.monotonicMs() - this.#lastLeftMs > RECONNECT_MS) return this.#clear();
    const change = describe();
    this.#ring.push({ id, change });
    this.#weight += weightOf(change);
    if (this.#weight > KEPT + SLACK) this.#drop();
    for (const subscriber of this.#subscribers) this.#send(subscriber, id, change);
  }

  /**
   * Adds a subscriber. If all changes after `lastId` are still in the ring, sends them to the subscriber. Otherwise sends
   * `snapshot` with the id of the latest change. Returns the unsubscribe function.
   */
  subscribe(lastId: number | null, snapshot: () => StreamChange, subscriber: Subscriber): () => void {
    const oldest = this.#ring[0]?.id ?? this.#nextId;
    if (lastId !== null && lastId >= oldest - 1 && lastId < this.#nextId) {
      for (const { id, change } of this.#ring) if (id > lastId) this.#send(subscriber, id, change);
    } else this.#send(subscriber, this.#nextId - 1, snapshot());
    this.#subscribers.add(subscriber);
    return () => this.#remove(subscriber);
  }

  #remove(subscriber: Subscriber): void {
    if (this.#subscribers.delete(subscriber)) this.#lastLeftMs = this.#clock.monotonicMs();
  }

  #clear(): void {
    this.#ring.length = 0;
    this.#weight = 0;
  }

  #drop(): void {
    let dropped = 0;
    // The newest change always stays, even if it alone exceeds the limit.
    for (; dropped < this.#ring.length - 1 && this.#weight > KEPT; dropped++) this.#weight -= weightOf(this.#ring[dropped]!.change);
    this.#ring.splice(0, dropped);
  }

  /** Sends a change to one subscriber. A subscriber that throws is removed, and the others are not affected. */
  #send(subscriber: Subscriber, id: number, change: StreamChange): void {
    try {
      subscriber(id, change);
    } catch (error) {
      this.#remove(subscriber);
      this.#onError(error);
    }
  }
}

const weightOf = (change: StreamChange): number => (change.kind === "metrics" ? Math.max(1, change.data.length) : 1);

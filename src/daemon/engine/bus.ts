import type { StreamChange } from "../../api/contract/shapes.ts";

type Subscriber = (id: number, change: StreamChange) => void;

/**
 * How many changes a subscriber may have missed and still be told one by one. A round of metrics counts as many as it has units: of
 * a thousand units it is a hundred kilobytes, every five seconds.
 */
const KEPT = 2048;
/** Dropping from the front costs the length of the ring, so it is done in steps of this. */
const SLACK = KEPT / 4;

/**
 * Changes as they are published, numbered without a gap. Ids begin at the wall clock's milliseconds, so that ids of an
 * earlier daemon are always smaller and never mistaken for one's own.
 */
export class Bus {
  #nextId: number;
  readonly #ring: Array<{ readonly id: number; readonly change: StreamChange }> = [];
  /** Of all changes in the ring. */
  #weight = 0;
  readonly #subscribers = new Set<Subscriber>();
  readonly #onError: (error: unknown) => void;

  constructor(options: { readonly firstId: number; readonly onError: (error: unknown) => void }) {
    this.#nextId = options.firstId;
    this.#onError = options.onError;
  }

  publish(change: StreamChange): void {
    const id = this.#nextId++;
    this.#ring.push({ id, change });
    this.#weight += weightOf(change);
    if (this.#weight > KEPT + SLACK) this.#drop();
    for (const subscriber of this.#subscribers) this.#tell(subscriber, id, change);
  }

  /** What came after `lastId` when all of it is still known; else `snapshot` first, with the id of the latest change. */
  subscribe(lastId: number | null, snapshot: () => StreamChange, subscriber: Subscriber): () => void {
    const oldest = this.#ring[0]?.id ?? this.#nextId;
    if (lastId !== null && lastId >= oldest - 1 && lastId < this.#nextId) {
      for (const { id, change } of this.#ring) if (id > lastId) this.#tell(subscriber, id, change);
    } else this.#tell(subscriber, this.#nextId - 1, snapshot());
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  #drop(): void {
    let dropped = 0;
    // The newest stays, whatever its weight.
    for (; dropped < this.#ring.length - 1 && this.#weight > KEPT; dropped++) this.#weight -= weightOf(this.#ring[dropped]!.change);
    this.#ring.splice(0, dropped);
  }

  /** A subscriber that throws loses its place; the others and the daemon go on. */
  #tell(subscriber: Subscriber, id: number, change: StreamChange): void {
    try {
      subscriber(id, change);
    } catch (error) {
      this.#subscribers.delete(subscriber);
      this.#onError(error);
    }
  }
}

const weightOf = (change: StreamChange): number => (change.kind === "metrics" ? Math.max(1, change.data.length) : 1);

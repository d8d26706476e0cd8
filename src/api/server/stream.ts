import type { Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";
import { type QueueTotal, StreamQueue } from "./stream-queue.ts";

export interface StreamOptions {
  readonly type: string;
  /** Sent at once: Bun sends the headers together with the first bytes of the body. */
  readonly first: string;
  /** Messages that follow at once, whatever the limits of the queue. */
  readonly past?: readonly string[];
  readonly ping: string;
  /** `first` and `past` are the whole answer: it ends once the client has read them, and breaks off where others would drop messages. */
  readonly isWhole?: boolean;
  /** The session that opened it. */
  readonly owner?: string;
  /** The message that reports `lost` messages when the queue was full. Without it the stream ends instead. */
  readonly gap?: (lost: number) => string;
  /** The client has read everything and waits for more. */
  drained?(): void;
  /** Subscribes; may send during the call. Answers the unsubscribe function. */
  attach(outlet: Outlet): Promise<Result<() => void, ApiError>>;
}

export interface Outlet {
  /** The queue is empty: the client will read the next message at once. */
  isIdle(): boolean;
  /** `weight`: how many messages it counts as in a gap. */
  send(text: string, weight?: number): void;
  /** Ends after the queued messages. */
  end(): void;
}

export interface StreamLimits {
  readonly pingMs: number;
  readonly maxStreams: number;
  /** Limits of one queue. An empty queue accepts a message of any size. */
  readonly maxChars: number;
  readonly maxMessages: number;
  /** Of all queues together. */
  readonly maxTotalChars: number;
}

/** How much a client that reads gets at once. What was handed over to its connection cannot be dropped any more. */
const CHUNK_CHARS = 32 << 10;

export interface Queues extends QueueTotal {
  /** Drops the longest queues until all together are within their limit. */
  makeRoom(): void;
}

const encoder = new TextEncoder();

/** One streaming answer and what its client has not read yet. */
export class Stream implements Outlet {
  readonly body: ReadableStream;
  readonly owner: string | undefined;
  readonly #options: StreamOptions;
  readonly #limits: StreamLimits;
  readonly #queues: Queues;
  readonly #leave: (stream: Stream) => void;
  readonly #queue: StreamQueue;
  /** Messages dropped since the last gap was sent. */
  #lost = 0;
  #done = false;
  #stop: (() => void) | null = null;
  #wake: (() => void) | null = null;
  #control: ReadableStreamDefaultController | null = null;

  /** `leave` is called once, when the stream has ended. */
  constructor(options: StreamOptions, limits: StreamLimits, queues: Queues, leave: (stream: Stream) => void) {
    this.#options = options;
    this.#limits = limits;
    this.#queues = queues;
    this.#leave = leave;
    this.owner = options.owner;
    this.#queue = new StreamQueue(queues);
    this.#queue.push(options.first, 0);
    this.#queue.pushAll(options.past ?? []);
    const source = {
      start: (control: ReadableStreamDefaultController) => void (this.#control = control),
      pull: () => this.#pull(),
      cancel: () => this.discard(),
    };
    this.body = new ReadableStream(source, { highWaterMark: 0 });
  }

  /** Characters in its queue. */
  get chars(): number {
    return this.#queue.chars;
  }

  isIdle(): boolean {
    return !this.#done && this.#queue.length === 0;
  }

  send(text: string, weight = 1): void {
    if (this.#done) return;
    const { length, chars } = this.#queue;
    const isFull = length > 0 && (length >= this.#limits.maxMessages || chars + text.length > this.#limits.maxChars);
    if (this.#lost > 0 || isFull) {
      this.#lost += weight;
      if (!this.#options.gap) this.#close();
      return;
    }
    this.#queue.push(text, weight);
    if (this.#queues.chars > this.#limits.maxTotalChars) this.#queues.makeRoom();
    this.#wake?.();
  }

  ping(): void {
    if (this.#queue.length === 0 && this.#lost === 0) this.send(this.#options.ping, 0);
  }

  /** Drops the queue as a gap, or ends the stream. */
  drop(): void {
    const { isWhole, gap } = this.#options;
    if (isWhole === true) {
      this.discard();
      this.#control!.error(new Error("the client does not read, and others need the memory"));
    } else if (gap) this.#lost += this.#queue.drop();
    else this.#close();
  }

  end(): void {
    if (this.#done) return;
    this.#flush(Infinity);
    this.#close();
  }

  /** Ends the stream without a word to its client. */
  discard(): void {
    if (this.#done) return;
    this.#done = true;
    this.#queue.drop();
    this.#leave(this);
    this.#stop?.();
    this.#wake?.();
  }

  /** Sets the unsubscribe function. It is called once, at once if the stream ended during `attach`. */
  whenDone(stop: () => void): void {
    if (this.#done) stop();
    else this.#stop = stop;
  }

  /** Waits for the first message, then sends it together with all that came in the same turn of the event loop. */
  async #pull(): Promise<void> {
    if (this.#queue.length === 0 && this.#lost === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#options.drained?.();
      });
    this.#wake = null;
    if (this.#done) return;
    this.#flush(CHUNK_CHARS);
    if (this.#options.isWhole === true && this.#queue.length === 0) this.#close();
  }

  #flush(limit: number): void {
    let text = this.#queue.take(limit);
    if (this.#lost > 0 && this.#queue.length === 0) {
      text += this.#options.gap!(this.#lost);
      this.#lost = 0;
    }
    if (text !== "") this.#control!.enqueue(encoder.encode(text));
  }

  #close(): void {
    this.discard();
    this.#control!.close();
  }
}

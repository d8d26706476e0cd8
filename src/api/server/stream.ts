import type { Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";
import { type QueueTotal, StreamQueue } from "./stream-queue.ts";

export interface StreamOptions {
  readonly type: string;
  /** Text that is sent immediately, because Bun sends the headers only together with the first bytes of the body. */
  readonly first: string;
  /** Earlier messages, sent as soon as the stream opens. The limits of the queue do not apply to them. */
  readonly past?: readonly string[];
  readonly ping: string;
  /**
   * True if `first` and `past` are the whole response. Such a stream ends once the client has read them. It is aborted where another
   * stream would drop messages.
   */
  readonly isWhole?: boolean;
  /** The key of the session that opened the stream. */
  readonly owner?: string;
  /** Makes the message that reports `lost` dropped messages after the queue was full. Without this function the stream ends instead. */
  readonly gap?: (lost: number) => string;
  /** Called when the client has read all messages and waits for more. */
  drained?(): void;
  /** Subscribes to the source, which may send during the call. Returns the unsubscribe function. */
  attach(outlet: Outlet): Promise<Result<() => void, ApiError>>;
}

export interface Outlet {
  /** Returns true if the queue is empty, which means that the client receives the next message immediately. */
  isIdle(): boolean;
  /** Queues a message. If the message is dropped, it counts as `weight` messages in the gap. */
  send(text: string, weight?: number): void;
  /** Ends the stream after the queued messages. */
  end(): void;
}

export interface StreamLimits {
  readonly pingMs: number;
  readonly maxStreams: number;
  /** The limits of one queue. An empty queue accepts a message of any size. */
  readonly maxChars: number;
  readonly maxMessages: number;
  /** Maximum number of characters in all queues together. */
  readonly maxTotalChars: number;
}

/** Maximum number of characters that are passed to a connection at once. After that, they can no longer be dropped. */
const CHUNK_CHARS = 32 << 10;

export interface Queues extends QueueTotal {
  /** Drops the longest queues until all queues together are within their limit. */
  makeRoom(): void;
}

const encoder = new TextEncoder();

/** One streaming response, with the messages that its client has not read yet. */
export class Stream implements Outlet {
  readonly body: ReadableStream;
  readonly owner: string | undefined;
  readonly #options: StreamOptions;
  readonly #limits: StreamLimits;
  readonly #queues: Queues;
  readonly #leave: (stream: Stream) => void;
  readonly #queue: StreamQueue;
  /** Number of messages that were dropped since the last gap was sent. */
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

  /** Number of characters in the queue of this stream. */
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

  /** Drops all queued messages and reports them as a gap. A stream without gaps ends instead. */
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

  /** Ends the stream immediately, without sending the queued messages. */
  discard(): void {
    if (this.#done) return;
    this.#done = true;
    this.#queue.drop();
    this.#leave(this);
    this.#stop?.();
    this.#wake?.();
  }

  /** Sets the unsubscribe function. It is called once, and immediately if the stream ended during `attach`. */
  whenDone(stop: () => void): void {
    if (this.#done) stop();
    else this.#stop = stop;
  }

  /** Waits for the first message, and sends it together with all messages that arrived in the same turn of the event loop. */
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

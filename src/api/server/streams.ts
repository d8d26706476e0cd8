import { err, ok, type Result } from "../../base/result.ts";
import { streamAnswer } from "./answer.ts";
import type { ApiError } from "../contract/errors.ts";

/**
 * Streaming answers. Each has its own queue, which empties as the client reads, so a slow client never slows the source.
 * When the queue is full, a stream either ends (the client reconnects and resumes) or drops messages and reports how many.
 * One timer pings all streams.
 */
export interface Streams {
  open(options: StreamOptions): Promise<Result<Response, ApiError>>;
  readonly size: number;
  /** Ends the streams of a session after their queued messages. */
  endOf(owner: string): void;
  /** Ends every stream after its queued messages and refuses new ones. */
  close(): void;
}

export interface StreamOptions {
  readonly type: string;
  /** Sent at once: Bun sends the headers together with the first bytes of the body. */
  readonly first: string;
  readonly ping: string;
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
}

export const STREAM_LIMITS: StreamLimits = { pingMs: 15_000, maxStreams: 1000, maxChars: 4 * 1024 * 1024, maxMessages: 10_000 };

/** `isAlive`: whether a session still exists; at the next ping the streams of one that does not are closed. */
export function createStreams(limits: StreamLimits = STREAM_LIMITS, isAlive: (owner: string) => boolean = () => true): Streams {
  const all = new Set<Stream>();
  let timer: ReturnType<typeof setInterval> | null = null;
  let closed = false;
  const leave = (stream: Stream): void => {
    all.delete(stream);
    if (all.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
  const pingAll = (): void => {
    for (const one of [...all]) {
      if (one.owner === undefined || isAlive(one.owner)) one.ping();
      else one.end();
    }
  };
  return {
    get size() {
      return all.size;
    },
    async open(options) {
      if (closed) return err({ code: "not-ready", message: "cannot open a stream: the daemon is shutting down" });
      if (all.size >= limits.maxStreams)
        return err({ code: "too-many", message: `cannot open a stream: ${all.size} are open, which is the limit` });
      const stream = createStream(options, limits, leave);
      all.add(stream);
      timer ??= setInterval(pingAll, limits.pingMs);
      let attached: Result<() => void, ApiError> | null = null;
      try {
        attached = await options.attach(stream);
      } finally {
        if (!attached?.ok) leave(stream);
      }
      if (!attached.ok) return attached;
      stream.whenDone(attached.value);
      return ok(streamAnswer(stream.body, options.type));
    },
    endOf(owner) {
      for (const stream of [...all]) if (stream.owner === owner) stream.end();
    },
    close() {
      closed = true;
      for (const stream of [...all]) stream.end();
    },
  };
}

interface Stream extends Outlet {
  readonly body: ReadableStream;
  readonly owner: string | undefined;
  ping(): void;
  /** Sets the unsubscribe function. It is called once, at once if the stream ended during `attach`. */
  whenDone(stop: () => void): void;
}

const encoder = new TextEncoder();

function createStream(options: StreamOptions, limits: StreamLimits, leave: (stream: Stream) => void): Stream {
  let queue: string[] = [options.first];
  let chars = options.first.length;
  let lost = 0;
  let done = false;
  let stop: (() => void) | null = null;
  let wake: (() => void) | null = null;
  let control: ReadableStreamDefaultController | null = null;

  const flush = (): void => {
    if (lost > 0) queue.push(options.gap!(lost));
    if (queue.length > 0) control!.enqueue(encoder.encode(queue.join("")));
    queue = [];
    chars = lost = 0;
  };
  const finish = (): void => {
    if (done) return;
    done = true;
    leave(stream);
    stop?.();
    wake?.();
  };
  const body = new ReadableStream(
    {
      start: (controller) => void (control = controller),
      /** Waits for the first message, then sends it together with all that came in the same turn of the event loop. */
      async pull() {
        if (queue.length === 0) await new Promise<void>((resolve) => ((wake = resolve), options.drained?.()));
        wake = null;
        if (!done) flush();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
  const stream: Stream = {
    body,
    owner: options.owner,
    isIdle: () => !done && queue.length === 0,
    send(text, weight = 1) {
      if (done) return;
      if (lost > 0 || (queue.length > 0 && (queue.length >= limits.maxMessages || chars + text.length > limits.maxChars))) {
        lost += weight;
        if (!options.gap) {
          queue = [];
          finish();
          control!.close();
        }
        return;
      }
      queue.push(text);
      chars += text.length;
      wake?.();
    },
    ping() {
      if (queue.length === 0) stream.send(options.ping, 0);
    },
    end() {
      if (done) return;
      flush();
      finish();
      control!.close();
    },
    whenDone(onDone) {
      if (done) onDone();
      else stop = onDone;
    },
  };
  return stream;
}

import { err, ok, type Result } from "../../base/result.ts";
import { streamAnswer } from "./answer.ts";
import type { ApiError } from "../contract/errors.ts";

/**
 * Answers that do not end. Each has a queue of its own that the client's reading empties; the source is never slowed.
 * At the limit of the queue a stream either ends (the client comes back and resumes) or leaves out and says how much.
 * One timer pings them all.
 */
export interface Streams {
  open(options: StreamOptions): Result<Response, ApiError>;
  readonly size: number;
  /** Ends the streams of an owner, after what is queued. */
  endOf(owner: string): void;
  /** Ends every stream after what is queued, and opens no more. */
  close(): void;
}

export interface StreamOptions {
  readonly type: string;
  /** Sent at once: the head of an answer goes out only with its first bytes. */
  readonly first: string;
  readonly ping: string;
  /** The session it was opened with. */
  readonly owner?: string;
  /** At a full queue: the text that stands for `lost` messages. Without it the stream ends. */
  readonly gap?: (lost: number) => string;
  /** The client has taken all there was and waits for more. */
  drained?(): void;
  /** Subscribes; may send during the call. Answers a stop. */
  attach(outlet: Outlet): Result<() => void, ApiError>;
}

export interface Outlet {
  /** The client waits: it will take what is sent next. */
  isIdle(): boolean;
  /** `weight`: how many messages it stands for. */
  send(text: string, weight?: number): void;
  /** After what is queued. */
  end(): void;
}

export interface StreamLimits {
  readonly pingMs: number;
  readonly maxStreams: number;
  /** Of one queue. A message is always taken into an empty queue, however large. */
  readonly maxChars: number;
  readonly maxMessages: number;
}

export const STREAM_LIMITS: StreamLimits = { pingMs: 15_000, maxStreams: 1000, maxChars: 4 * 1024 * 1024, maxMessages: 10_000 };

/** `isAlive`: an owner that is none any more loses its streams with the next ping. */
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
    open(options) {
      if (closed) return err({ code: "not-ready", message: "cannot open a stream: the daemon is ending" });
      if (all.size >= limits.maxStreams) return err({ code: "too-many", message: `cannot open a stream: ${all.size} are open` });
      const stream = createStream(options, limits, leave);
      const attached = options.attach(stream);
      if (!attached.ok) return attached;
      all.add(stream);
      stream.whenDone(attached.value);
      timer ??= setInterval(pingAll, limits.pingMs);
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
  /** The stop of the subscription: called once, also when the stream has ended during `attach`. */
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
      /** Waits for the first message, then takes with it all that came in the same turn of the event loop. */
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

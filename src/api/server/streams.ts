import { err, ok, type Result } from "../../base/result.ts";
import { streamAnswer } from "./answer.ts";
import { type Queues, Stream, type StreamLimits, type StreamOptions } from "./stream.ts";
import { createTurns } from "./turns.ts";
import type { ApiError } from "../contract/errors.ts";

/**
 * The streaming responses. Each stream has its own queue, which empties as the client reads, so a slow client never slows down the
 * source. When its queue is full, a stream either ends (so that the client reconnects and resumes) or drops messages and reports how
 * many. When all queues together are too long, the same happens to the longest queue, because its client is the slowest. One timer
 * pings all streams.
 */
export interface Streams {
  open(options: StreamOptions): Promise<Result<Response, ApiError>>;
  /** Runs work of a stream in a later turn of the event loop. The work of all streams together gets a few milliseconds in each turn. */
  soon(work: () => void): void;
  readonly size: number;
  /** Ends the streams of a session after their queued messages. */
  endOf(owner: string): void;
  /** Ends every stream after its queued messages, and refuses new streams. */
  close(): void;
}

export const STREAM_LIMITS: StreamLimits = {
  pingMs: 15_000,
  maxStreams: 1000,
  maxChars: 4 << 20,
  maxMessages: 10_000,
  maxTotalChars: 32 << 20,
};

/** `isAlive` returns whether a session still exists. Each ping closes the streams of sessions that have ended. */
export function createStreams(limits: StreamLimits = STREAM_LIMITS, isAlive: (owner: string) => boolean = () => true): Streams {
  const all = new Set<Stream>();
  const queues: Queues = {
    chars: 0,
    makeRoom() {
      while (queues.chars > limits.maxTotalChars) {
        let longest: Stream | null = null;
        for (const stream of all) if (stream.chars > (longest?.chars ?? 0)) longest = stream;
        if (longest === null || longest.chars === queues.chars) return; // a single stream may have more existing lines (`past`) than the limit
        longest.drop();
      }
    },
  };
  const soon = createTurns();
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
      const stream = new Stream(options, limits, queues, leave);
      all.add(stream);
      timer ??= setInterval(pingAll, limits.pingMs);
      let attached: Result<() => void, ApiError> | null = null;
      try {
        attached = await options.attach(stream);
      } finally {
        if (!attached?.ok) stream.discard();
      }
      if (!attached.ok) return attached;
      queues.makeRoom();
      stream.whenDone(attached.value);
      return ok(streamAnswer(stream.body, options.type));
    },
    soon,
    endOf(owner) {
      for (const stream of [...all]) if (stream.owner === owner) stream.end();
    },
    close() {
      closed = true;
      for (const stream of [...all]) stream.end();
    },
  };
}

export type { Outlet, StreamLimits, StreamOptions } from "./stream.ts";

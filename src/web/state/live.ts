import { computed, signal } from "@preact/signals";
import { parseEvents, textLines } from "../../api/client/streams.ts";
import type { StreamChange } from "../../api/contract/shapes.ts";
import { applyChange, emptyView, type View } from "../../api/contract/view.ts";
import { urlOf } from "./api.ts";
import { sessionEnded } from "./session.ts";

/**
 * The state of the page's event stream. The events are applied to the same view as in the command line. A stream that is silent
 * for much longer than the interval of the daemon's pings counts as broken.
 */
export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /**
   * `sinceMs` is the time at which the shown data was last up to date. `nextMs` is the time of the next attempt to connect, or
   * null while the page is hidden.
   */
  | { readonly kind: "offline"; readonly sinceMs: number; readonly nextMs: number | null };

export const view = signal<View>(emptyView());
export const link = signal<Link>({ kind: "connecting" });
export const isLive = computed(() => link.value.kind === "live");

/** True if the daemon was upgraded while the page was open. */
export const outdated = signal(false);

type Listener = (change: StreamChange) => void;
const listeners = new Set<Listener>();

/**
 * Registers a listener for changes. It is called after a change was applied to the view. Returns a function that removes the
 * listener.
 */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The time after which a silent stream counts as broken. The daemon sends a ping every 15 s. */
const SILENCE_MS = 40_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** The time after which a hidden page closes its stream, because browsers limit the number of connections per host. */
const HIDDEN_MS = 60_000;

let stop: AbortController | null = null;
let wake: (() => void) | null = null;

/** Connects to the daemon, and connects again after each interruption, until `endLive` is called. */
export async function startLive(): Promise<void> {
  endLive();
  const mine = (stop = new AbortController());
  for (let wait = FIRST_WAIT_MS; !mine.signal.aborted;) {
    const before = view.value.lastId;
    await follow(mine.signal);
    if (mine.signal.aborted) return;
    wait = view.value.lastId === before ? Math.min(wait * 2, LONGEST_WAIT_MS) : FIRST_WAIT_MS;
    await visible(); // a hidden page reconnects only when it becomes visible
    goOffline(Date.now() + wait);
    await pause(wait);
  }
}

export function endLive(): void {
  stop?.abort();
  stop = null;
  wake?.();
  link.value = { kind: "connecting" };
  pending = view.value = emptyView();
  lastReceivedMs = null;
}

/** Connects immediately instead of after the wait. */
export const retryNow = (): void => wake?.();

let lastReceivedMs: number | null = null;

function goOffline(nextMs: number | null): void {
  const sinceMs = link.value.kind === "offline" ? link.value.sinceMs : (lastReceivedMs ?? Date.now());
  link.value = { kind: "offline", sinceMs, nextMs };
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });

const visible = (): Promise<void> =>
  new Promise((resolve) => {
    if (!document.hidden) return resolve();
    goOffline(null);
    const check = (): void => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
  });

/** Reads the event stream over one connection. Returns when the connection ends. */
async function follow(stopped: AbortSignal): Promise<void> {
  const control = new AbortController();
  const end = (): void => control.abort();
  stopped.addEventListener("abort", end);
  const hidden = watchHidden(end);
  let silence = setTimeout(end, SILENCE_MS);
  const onLine = (): void => {
    lastReceivedMs = Date.now();
    clearTimeout(silence);
    silence = setTimeout(end, SILENCE_MS);
  };
  try {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    const { lastId, stale } = view.value;
    if (lastId !== null && !stale) headers["last-event-id"] = String(lastId);
    const response = await fetch(urlOf("eventStream"), { headers, signal: control.signal });
    if (response.status === 401) return sessionEnded();
    if (!response.ok || response.body === null) return;
    for await (const { id, change } of parseEvents(noteLines(textLines(response.body), onLine))) {
      take(id, change);
      if (pending.stale) return; // events are missing, so connect again to get a snapshot
    }
  } catch {
    // The connection was refused or broken. `startLive` shows "offline" and retries.
  } finally {
    hidden();
    clearTimeout(silence);
    stopped.removeEventListener("abort", end);
    control.abort();
    flush();
  }
}

async function* noteLines(lines: AsyncIterable<string>, onLine: () => void): AsyncGenerator<string> {
  for await (const line of lines) {
    onLine();
    // A resumed stream without new events sends only its header. The header shows that the stream is live.
    if (!pending.stale && link.value.kind !== "live") link.value = { kind: "live" };
    yield line;
  }
}

function watchHidden(end: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const check = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(end, HIDDEN_MS);
  };
  check();
  document.addEventListener("visibilitychange", check);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", check);
  };
}

/** The newest view. It becomes the displayed view once per frame. */
let pending: View = view.value;
let undelivered: StreamChange[] = [];
let frame: ReturnType<typeof setTimeout> | null = null;
const FRAME_MS = 50;

function take(id: number, change: StreamChange): void {
  const { daemon } = pending;
  pending = applyChange(pending, id, change);
  undelivered.push(change);
  if (change.kind === "snapshot") {
    if (daemon !== null && daemon.version !== change.data.daemon.version) outdated.value = true;
    flush(); // show a snapshot without delay
    link.value = { kind: "live" };
    // Marks, for measurements, the moment from which the page shows data and can be used.
    if (daemon === null) performance.mark("usable");
  } else frame ??= setTimeout(flush, FRAME_MS);
}

function flush(): void {
  if (frame !== null) clearTimeout(frame);
  frame = null;
  view.value = pending;
  const changes = undelivered;
  undelivered = [];
  for (const change of changes) for (const listener of listeners) listener(change);
}

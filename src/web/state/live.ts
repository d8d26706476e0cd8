import { computed, signal } from "@preact/signals";
import { parseEvents, textLines } from "../../api/client/streams.ts";
import type { StreamChange } from "../../api/contract/shapes.ts";
import { applyChange, emptyView, type View } from "../../api/contract/view.ts";
import { urlOf } from "./api.ts";
import { sessionEnded } from "./session.ts";

/**
 * The one stream of the page, folded as the command line folds it. What is shown is either live or says since when it is
 * not: a stream that falls silent for longer than the daemon's pings is as good as broken.
 */
export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** `sinceMs`: the last moment at which what is shown was true. `nextMs`: when it is tried again. */
  | { readonly kind: "offline"; readonly sinceMs: number; readonly nextMs: number | null };

export const view = signal<View>(emptyView());
export const link = signal<Link>({ kind: "connecting" });
export const isLive = computed(() => link.value.kind === "live");

/** The daemon was exchanged for another version while the page was open. */
export const outdated = signal(false);

type Listener = (change: StreamChange) => void;
const listeners = new Set<Listener>();

/** Hears every change once it is in the view. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The daemon pings every 15 s. */
const SILENCE_MS = 40_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** A page that nobody sees lets go of its stream: browsers allow a host only a few connections. */
const HIDDEN_MS = 60_000;

let stop: AbortController | null = null;
let wake: (() => void) | null = null;

/** Follows the daemon until `endLive`. */
export async function startLive(): Promise<void> {
  endLive();
  const mine = (stop = new AbortController());
  for (let wait = FIRST_WAIT_MS; !mine.signal.aborted;) {
    const before = view.value.lastId;
    await follow(mine.signal);
    if (mine.signal.aborted) return;
    wait = view.value.lastId === before ? Math.min(wait * 2, LONGEST_WAIT_MS) : FIRST_WAIT_MS;
    await visible(); // what is hidden is not tried again until it is looked at
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
  lastHeardMs = null;
}

/** Connects at once instead of after the wait. */
export const retryNow = (): void => wake?.();

let lastHeardMs: number | null = null;

function goOffline(nextMs: number | null): void {
  const sinceMs = link.value.kind === "offline" ? link.value.sinceMs : (lastHeardMs ?? Date.now());
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
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });

/** One connection, until it ends. */
async function follow(stopped: AbortSignal): Promise<void> {
  const control = new AbortController();
  const end = (): void => control.abort();
  stopped.addEventListener("abort", end);
  const hidden = watchHidden(end);
  let silence = setTimeout(end, SILENCE_MS);
  const heard = (): void => {
    lastHeardMs = Date.now();
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
    for await (const { id, change } of parseEvents(told(textLines(response.body), heard))) {
      take(id, change);
      if (pending.stale) return; // a gap: the next connection begins with a snapshot
    }
  } catch {
    // Broken off, or refused: the loop says offline and tries again.
  } finally {
    hidden();
    clearTimeout(silence);
    stopped.removeEventListener("abort", end);
    control.abort();
    flush();
  }
}

async function* told(lines: AsyncIterable<string>, heard: () => void): AsyncGenerator<string> {
  for await (const line of lines) {
    heard();
    // A resumed stream with nothing new begins with its head alone: it is live all the same.
    if (!pending.stale && link.value.kind !== "live") link.value = { kind: "live" };
    yield line;
  }
}

function watchHidden(end: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(end, HIDDEN_MS);
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

/** The view as it is; what is drawn follows once a frame. */
let pending: View = view.value;
let unheard: StreamChange[] = [];
let frame: ReturnType<typeof setTimeout> | null = null;
const FRAME_MS = 50;

function take(id: number, change: StreamChange): void {
  const { daemon } = pending;
  pending = applyChange(pending, id, change);
  unheard.push(change);
  if (change.kind === "snapshot") {
    if (daemon !== null && daemon.version !== change.data.daemon.version) outdated.value = true;
    flush(); // what was away, or never there, is shown at once
    link.value = { kind: "live" };
    // For who measures: from here on it shows how things are, and acts.
    if (daemon === null) performance.mark("usable");
  } else frame ??= setTimeout(flush, FRAME_MS);
}

function flush(): void {
  if (frame !== null) clearTimeout(frame);
  frame = null;
  view.value = pending;
  const told = unheard;
  unheard = [];
  for (const change of told) for (const listener of listeners) listener(change);
}

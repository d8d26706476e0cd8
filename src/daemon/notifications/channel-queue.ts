import { formatDuration } from "../../base/duration.ts";
import type { Message } from "../../core/notifications/message.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Notifier, SendResult } from "../../ports/notifier.ts";
import type { OutboxRow, OutboxState } from "../../ports/store/outbox.ts";
import type { ChannelSpec } from "../../spec/notifications.ts";

export interface ChannelQueueOptions {
  readonly clock: Pick<Clock, "wallMs" | "monotonicMs" | "roll">;
  readonly notifier: Notifier;
  readonly save: (row: OutboxRow) => void;
  /** Called when a message was given up. */
  readonly onGivenUp: (row: OutboxRow) => void;
  /** Called when the channel begins to fail or works again. */
  readonly onChange: () => void;
}

const FIRST_DELAY_MS = 5000;
const LONGEST_DELAY_MS = 300_000;
const JITTER = 0.2;
/** Number of failures in a row after which a channel counts as failing. */
const FAILING_AFTER = 3;

interface Waiting {
  row: OutboxRow;
  readonly message: Message;
  /** Monotonic time in milliseconds at which the message may be sent. */
  dueMs: number;
}

/**
 * Sends the messages of one channel, one at a time and in order. After a temporary failure the channel pauses, longer each
 * time. A message that keeps failing does not block messages about other episodes. Each sent message is stored as sent before
 * the next one is sent.
 */
export class ChannelQueue {
  readonly #o: ChannelQueueOptions;
  #spec: ChannelSpec;
  readonly #waiting: Waiting[] = [];
  #current: AbortController | null = null;
  #timer: Timer | null = null;
  #pausedUntilMs = 0;
  /** Number of consecutive temporary failures. */
  #failures = 0;
  /** True if the last message was permanently refused. */
  #isRefused = false;
  /** Id of the message that is being sent. */
  #sending: number | null = null;
  #isPaused = false;
  readonly counts = { sent: 0, failed: 0, attempts: 0 };
  lastSentAt: string | null = null;
  lastError: string | null = null;

  constructor(spec: ChannelSpec, options: ChannelQueueOptions) {
    this.#spec = spec;
    this.#o = options;
  }

  get spec(): ChannelSpec {
    return this.#spec;
  }

  /** Sets new settings. With them the channel may work again, so it is tried at once. */
  set spec(spec: ChannelSpec) {
    if (JSON.stringify(spec) === JSON.stringify(this.#spec)) return;
    this.#spec = spec;
    this.retry();
  }

  get pending(): number {
    return this.#waiting.length;
  }

  /** Why the channel fails, or null. A single failure does not count. */
  get trouble(): string | null {
    return this.#failures >= FAILING_AFTER || this.#isRefused ? this.lastError : null;
  }

  /** Wall clock time of the next attempt if the channel pauses after a failure, or null. */
  get retryAtMs(): number | null {
    const { clock } = this.#o;
    const waitMs = this.#pausedUntilMs - clock.monotonicMs();
    return this.#waiting.length > 0 && waitMs > 0 ? clock.wallMs() + waitMs : null;
  }

  push(row: OutboxRow): void {
    const message = parseMessage(row.message);
    if (message === null) return this.#o.save(this.#ended(row, "failed", "the stored message is damaged"));
    this.#waiting.push({ row, message, dueMs: 0 });
    this.#arm();
  }

  /** Tries all waiting messages at once. */
  retry(): void {
    this.#pausedUntilMs = 0;
    for (const one of this.#waiting) one.dueMs = 0;
    this.#arm();
  }

  /** Removes a message that was not sent yet. Returns false for the message that is being sent now, which cannot be removed. */
  drop(id: number): boolean {
    const at = this.#waiting.findIndex(({ row }) => row.id === id);
    if (at < 0 || this.#sending === id) return false;
    const [one] = this.#waiting.splice(at, 1);
    this.#o.save(this.#ended(one!.row, "dropped", one!.row.lastError));
    return true;
  }

  /** Records the result of a test message, which does not pass through the queue. */
  tested(result: SendResult): void {
    if (result.ok) this.#succeeded();
    else {
      this.lastError = result.detail;
      this.#isRefused = result.kind === "permanent";
    }
    this.#o.onChange();
  }

  /** Stops the queue. The message that is being sent now is still completed. */
  pause(): void {
    this.#isPaused = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  resume(): void {
    this.#isPaused = false;
    this.#arm();
  }

  get isBusy(): boolean {
    return this.#current !== null;
  }

  /** True if the queue can send a message now. */
  get isReady(): boolean {
    return this.#current !== null || (this.#next() !== null && this.#pausedUntilMs <= this.#o.clock.monotonicMs());
  }

  close(): void {
    this.pause();
    this.#current?.abort();
  }

  #arm(): void {
    if (this.#isPaused || this.#current !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const next = this.#next();
    if (next === null) return;
    const waitMs = Math.max(next.dueMs, this.#pausedUntilMs) - this.#o.clock.monotonicMs();
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, waitMs));
  }

  /** Returns the message to try next. It is the one that is due first, but a message never overtakes an older one about its episode. */
  #next(): Waiting | null {
    const blocked = new Set<string>();
    let best: Waiting | null = null;
    for (const one of this.#waiting) {
      const episodes = one.message.notices.map(({ episode }) => episode);
      const isBlocked = episodes.some((episode) => blocked.has(episode));
      for (const episode of episodes) blocked.add(episode);
      if (!isBlocked && (best === null || one.dueMs < best.dueMs)) best = one;
    }
    return best;
  }

  async #run(): Promise<void> {
    this.#timer = null;
    const next = this.#next();
    if (next === null || this.#isPaused || this.#current !== null) return;
    const { clock, notifier } = this.#o;
    if (clock.wallMs() - Date.parse(next.row.createdAt) > this.#spec.maxAgeMs) {
      this.#giveUp(next, `not delivered within ${formatDuration(this.#spec.maxAgeMs)} (max_age); ${next.row.lastError ?? "not tried"}`);
      return this.#arm();
    }
    const controller = new AbortController();
    this.#current = controller;
    this.#sending = next.row.id;
    let timer = setTimeout(() => controller.abort(), this.#spec.timeoutMs);
    const onPart = (part: string): void => {
      // Each part gets the full time limit, because a message may have hundreds of parts.
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(), this.#spec.timeoutMs);
      next.row = { ...next.row, done: [...next.row.done, part], updatedAt: this.#nowIso() };
      this.#o.save(next.row);
    };
    const result = await notifier.send({
      channel: this.#spec,
      message: next.message,
      done: next.row.done,
      onPart,
      signal: controller.signal,
    });
    clearTimeout(timer);
    this.#current = null;
    this.#sending = null;
    this.#settle(next, result);
    this.#arm();
  }

  #settle(one: Waiting, result: SendResult): void {
    const attempts = one.row.attempts + 1;
    this.counts.attempts++;
    one.row = { ...one.row, attempts };
    if (result.ok) {
      this.#remove(one);
      this.#o.save(this.#ended(one.row, "sent", null));
      this.counts.sent++;
      this.lastSentAt = this.#nowIso();
      this.#succeeded();
    } else if (result.kind === "permanent") {
      this.#isRefused = true;
      this.lastError = result.detail;
      this.#giveUp(one, result.detail);
    } else {
      this.#failures++;
      this.lastError = result.detail;
      const nowMs = this.#o.clock.monotonicMs();
      this.#pausedUntilMs = nowMs + Math.max(result.retryAfterMs ?? 0, this.#delayMs(this.#failures));
      one.dueMs = nowMs + this.#delayMs(attempts);
      one.row = { ...one.row, lastError: result.detail, updatedAt: this.#nowIso() };
      this.#o.save(one.row);
    }
    this.#o.onChange();
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#isRefused = false;
    this.#pausedUntilMs = 0;
    this.lastError = null;
  }

  #giveUp(one: Waiting, why: string): void {
    this.#remove(one);
    const row = this.#ended(one.row, "failed", why);
    this.#o.save(row);
    this.counts.failed++;
    this.#o.onGivenUp(row);
  }

  #remove(one: Waiting): void {
    const at = this.#waiting.indexOf(one);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #delayMs(attempt: number): number {
    const plain = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), LONGEST_DELAY_MS);
    return plain * (1 + JITTER * (2 * this.#o.clock.roll() - 1));
  }

  #ended(row: OutboxRow, state: OutboxState, lastError: string | null): OutboxRow {
    return { ...row, state, lastError, updatedAt: this.#nowIso() };
  }

  #nowIso(): string {
    return new Date(this.#o.clock.wallMs()).toISOString();
  }
}

function parseMessage(text: string): Message | null {
  try {
    const message = JSON.parse(text) as Partial<Message> | null;
    return message !== null && Array.isArray(message.notices) && typeof message.key === "string" ? (message as Message) : null;
  } catch {
    return null; // not JSON
  }
}

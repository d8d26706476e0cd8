import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { ChannelQueue } from "../../../src/daemon/notifications/channel-queue.ts";
import type { Attempt, SendResult } from "../../../src/ports/notifier.ts";
import type { OutboxRow } from "../../../src/ports/store/outbox.ts";
import { channel } from "../../core/notifications/fixtures.ts";

const OK: SendResult = { ok: true, detail: "HTTP 200" };
const later = (retryAfterMs: number | null = null): SendResult => ({ ok: false, kind: "temporary", detail: "HTTP 503", retryAfterMs });
const NEVER: SendResult = { ok: false, kind: "permanent", detail: "HTTP 400", retryAfterMs: null };

beforeEach(() => void jest.useFakeTimers({ now: Date.parse("2026-05-01T12:00:00Z") }));
afterEach(() => void jest.useRealTimers());

const row = (id: number, episodes: readonly string[] = [`e${id}`]): OutboxRow => {
  const nowIso = new Date().toISOString();
  const message = JSON.stringify({ key: `k${id}`, notices: episodes.map((episode) => ({ episode })) });
  return {
    id,
    channel: "ops",
    state: "pending",
    title: `m${id}`,
    message,
    createdAt: nowIso,
    updatedAt: nowIso,
    attempts: 0,
    lastError: null,
    done: [],
  };
};

/** A queue whose receiver answers as `answers` says, by the key of the message. */
function scene(answer: (key: string, count: number) => SendResult | Promise<SendResult>, more = {}) {
  const begunAt = Date.now();
  const tried: string[] = [];
  const saved = new Map<number, OutboxRow>();
  const givenUp: string[] = [];
  let changes = 0;
  const queue = new ChannelQueue(channel("ops", more), {
    clock: { wallMs: () => Date.now(), monotonicMs: () => Date.now() - begunAt, roll: () => 0.5 },
    notifier: {
      async send({ message }: Attempt) {
        tried.push(`${(Date.now() - begunAt) / 1000} ${message.key}`);
        return answer(message.key, tried.length);
      },
      beat: async () => OK,
    },
    save: (one) => void saved.set(one.id, one),
    onGivenUp: ({ id, lastError }) => void givenUp.push(`${id}: ${lastError}`),
    onChange: () => void changes++,
  });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return {
    ...{ queue, tried, saved, givenUp, settle },
    changes: () => changes,
    states: () => [...saved].sort(([a], [b]) => a - b).map(([id, { state, attempts }]) => `${id} ${state} ${attempts}`), // prettier-ignore
    async pass(ms: number) {
      await settle();
      for (let passed = 0; passed < ms; passed += 500) {
        jest.advanceTimersByTime(500);
        await settle();
      }
    },
  };
}

test("messages are sent one after the other, in order, each saved as sent", async () => {
  const at = scene(() => OK);
  for (const id of [1, 2, 3]) at.queue.push(row(id));
  await at.pass(500);
  expect(at.tried.map((line) => line.split(" ")[1])).toEqual(["k1", "k2", "k3"]);
  expect(at.states()).toEqual(["1 sent 1", "2 sent 1", "3 sent 1"]);
  expect(at.queue).toMatchObject({ pending: 0, trouble: null, lastError: null, counts: { sent: 3, failed: 0 } });
});

describe("after a temporary failure", () => {
  test("the delay doubles up to five minutes", async () => {
    const at = scene(() => later());
    at.queue.push(row(1));
    await at.pass(1_500_000);
    expect(at.tried.map((line) => Math.round(Number(line.split(" ")[0])))).toEqual([0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]);
    expect(at.saved.get(1)).toMatchObject({ state: "pending", attempts: 10, lastError: "HTTP 503" });
  });

  test("Retry-After is respected", async () => {
    const at = scene((_, count) => (count === 1 ? later(60_000) : OK));
    at.queue.push(row(1));
    await at.pass(59_000);
    expect(at.tried).toHaveLength(1);
    expect(at.queue.retryAtMs).toBeGreaterThan(Date.now());
    await at.pass(2000);
    expect(at.states()).toEqual(["1 sent 2"]);
  });

  test("the channel is in trouble after the third failure in a row, until a message is accepted", async () => {
    const at = scene((_, count) => (count < 4 ? later() : OK));
    at.queue.push(row(1));
    await at.pass(6000);
    expect(at.queue.trouble).toBeNull();
    await at.pass(10_000);
    expect(at.queue.trouble).toBe("HTTP 503");
    await at.pass(60_000);
    expect(at.queue.trouble).toBeNull();
  });

  test("a message that always fails blocks only messages about the same episode", async () => {
    const at = scene((key) => (key === "k1" ? later() : OK));
    at.queue.push(row(1, ["a", "b"]));
    at.queue.push(row(2, ["b"]));
    at.queue.push(row(3, ["c"]));
    await at.pass(60_000);
    expect(at.saved.get(3)!.state).toBe("sent");
    expect(at.saved.get(1)!.state).toBe("pending");
    expect(at.saved.has(2)).toBe(false);
  });

  test("it is given up at max_age, with the reason", async () => {
    const at = scene(() => later(), { maxAgeMs: 60_000 });
    at.queue.push(row(1));
    await at.pass(120_000);
    expect(at.givenUp).toEqual(["1: not delivered within 1m (max_age); HTTP 503"]);
    expect(at.saved.get(1)!.state).toBe("failed");
  });
});

test("a message that is refused is never sent again, and the channel is in trouble at once", async () => {
  const at = scene((key) => (key === "k1" ? NEVER : OK));
  at.queue.push(row(1));
  await at.pass(3_600_000);
  expect(at.tried).toHaveLength(1);
  expect(at.givenUp).toEqual(["1: HTTP 400"]);
  expect(at.queue.trouble).toBe("HTTP 400");
  at.queue.push(row(2));
  await at.pass(500);
  expect(at.queue.trouble).toBeNull();
});

test("an attempt that takes too long is aborted", async () => {
  let aborted = false;
  const at = scene(() => OK, { timeoutMs: 5000 });
  const hang = new ChannelQueue(channel("ops", { timeoutMs: 5000 }), {
    clock: { wallMs: () => Date.now(), monotonicMs: () => Date.now(), roll: () => 0.5 },
    notifier: {
      send: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => ((aborted = true), resolve(later())))),
      beat: async () => OK,
    },
    save: () => {},
    onGivenUp: () => {},
    onChange: () => {},
  });
  hang.push(row(1));
  await at.pass(4000);
  expect([hang.isBusy, aborted]).toEqual([true, false]);
  await at.pass(1500);
  expect([hang.isBusy, aborted]).toEqual([false, true]);
  hang.close();
});

test("each part of a message has the whole time, and is stored when it is delivered", async () => {
  const at = scene(() => OK);
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const saved: string[] = [];
  const queue = new ChannelQueue(channel("ops", { timeoutMs: 5000 }), {
    clock: { wallMs: () => Date.now(), monotonicMs: () => Date.now(), roll: () => 0.5 },
    notifier: {
      async send({ onPart, signal }) {
        for (const part of ["a", "b", "c"]) {
          await wait(4000);
          if (signal.aborted) return later();
          onPart(part);
        }
        return OK;
      },
      beat: async () => OK,
    },
    save: ({ state, done }) => void saved.push(`${state} ${done.join("")}`),
    onGivenUp: () => {},
    onChange: () => {},
  });
  queue.push(row(1));
  await at.pass(13_000);
  expect(saved).toEqual(["pending a", "pending ab", "pending abc", "sent abc"]);
});

test("a pause finishes the current message and starts no other; resume goes on", async () => {
  const at = scene(() => OK);
  at.queue.push(row(1));
  at.queue.pause();
  await at.pass(10_000);
  expect(at.tried).toEqual([]);
  expect(at.queue.isReady).toBe(true);
  at.queue.resume();
  await at.pass(500);
  expect(at.states()).toEqual(["1 sent 1"]);
  expect(at.queue.isReady).toBe(false);
});

test("drop removes what waits, retry tries at once, and new settings do too", async () => {
  let works = false;
  const at = scene(() => (works ? OK : later()));
  at.queue.push(row(1));
  at.queue.push(row(2));
  await at.pass(500);
  expect(at.queue.drop(2)).toBe(true);
  expect(at.queue.drop(9)).toBe(false);
  works = true;
  at.queue.retry();
  await at.pass(500);
  expect(at.states()).toEqual(["1 sent 2", "2 dropped 0"]);
  works = false;
  at.queue.push(row(3));
  await at.pass(500);
  works = true;
  at.queue.spec = channel("ops", { timeoutMs: 1 });
  await at.pass(500);
  expect(at.saved.get(3)!.state).toBe("sent");
});

test("a stored message that is damaged is given up", () => {
  const at = scene(() => OK);
  at.queue.push({ ...row(1), message: "{" });
  at.queue.push({ ...row(2), message: '{"key":"k"}' });
  expect(at.states()).toEqual(["1 failed 0", "2 failed 0"]);
});

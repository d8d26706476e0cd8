import { afterEach, expect, jest, test } from "bun:test";
import { STREAM_LIMITS } from "../../../src/api/server/streams.ts";
import type { StreamChange } from "../../../src/api/contract/shapes.ts";
import { aLine, aService, errorOf, makeRig, readerOf, TOKEN } from "./fake.ts";

const EVENTS = "GET /api/supervisor/events/stream";
const SSE = { headers: { accept: "text/event-stream" } };
const FOLLOW = "GET /api/supervisor/services/web/logs?follow=true";

afterEach(() => void jest.useRealTimers());

const change = (pid: number): StreamChange => ({ kind: "service", data: aService("web", { pid }) });

/** Ids, kinds and data of the messages of an event stream. */
function messagesOf(text: string): Array<{ id: number; kind: string; data: { pid?: number } }> {
  return [...text.matchAll(/id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/g)].map(([, id, kind, data]) => ({
    id: Number(id),
    kind: kind!,
    data: JSON.parse(data!) as { pid?: number },
  }));
}

test("the event stream begins with a retry time and a snapshot, then has changes with consecutive ids", async () => {
  const { ask, fake } = makeRig();
  const response = await ask(EVENTS);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  const reader = readerOf(response);
  fake.publish(change(1));
  fake.publish(change(2));
  const text = await reader.until((so) => messagesOf(so).length === 3);
  expect(text).toStartWith("retry: 1000\n\n");
  expect(messagesOf(text).map(({ id, kind }) => [id, kind])).toEqual([
    [100, "snapshot"],
    [101, "service"],
    [102, "service"],
  ]);
  await reader.cancel();
});

for (const [what, path, headers] of [
  ["Last-Event-ID", EVENTS, { "last-event-id": "101" }],
  ["last_event_id", `${EVENTS}?last_event_id=101`, {}],
  ["Last-Event-ID before last_event_id", `${EVENTS}?last_event_id=100`, { "last-event-id": "101" }],
] as const) {
  test(`${what} resumes after that id without a snapshot`, async () => {
    const { ask, fake } = makeRig();
    for (const pid of [1, 2, 3]) fake.publish(change(pid));
    const reader = readerOf(await ask(path, { headers: { ...headers } }));
    const text = await reader.until((so) => messagesOf(so).length === 2);
    expect(messagesOf(text).map(({ id }) => id)).toEqual([102, 103]);
    await reader.cancel();
  });
}

for (const id of ["5", "999999", "-1", "abc", "1e99"]) {
  test(`an unknown id (${id}) gets a snapshot`, async () => {
    const { ask } = makeRig();
    const reader = readerOf(await ask(EVENTS, { headers: { "last-event-id": id } }));
    expect(messagesOf(await reader.until((so) => messagesOf(so).length > 0)).map(({ kind }) => kind)).toEqual(["snapshot"]);
    await reader.cancel();
  });
}

test("a change is serialised once for all subscribers, and each gets it with its id", async () => {
  const { ask, fake } = makeRig();
  const readers = [readerOf(await ask(EVENTS)), readerOf(await ask(EVENTS))];
  let writes = 0;
  const data = { ...aService("web"), toJSON: () => (writes++, { pid: 7 }) };
  fake.publish({ kind: "service", data });
  for (const reader of readers)
    expect(messagesOf(await reader.until((so) => so.includes("id: 101"))).at(-1)).toEqual({ id: 101, kind: "service", data: { pid: 7 } });
  expect(writes).toBe(1);
  for (const reader of readers) await reader.cancel();
});

test("a client that goes away is unsubscribed", async () => {
  const { ask, fake, app } = makeRig();
  const events = readerOf(await ask(EVENTS));
  const logs = readerOf(await ask(FOLLOW));
  expect(fake.subscribers.size).toBe(1);
  expect(fake.followers.size).toBe(1);
  expect(app.openStreams).toBe(2);
  await events.until((so) => so.includes("snapshot"));
  await events.cancel();
  await logs.cancel();
  expect(fake.subscribers.size).toBe(0);
  expect(fake.followers.size).toBe(0);
  expect(app.openStreams).toBe(0);
});

test("HEAD of a stream answers its headers and leaves no subscription", async () => {
  const { ask, fake } = makeRig();
  const head = await ask(EVENTS.replace("GET", "HEAD"));
  expect(head.status).toBe(200);
  expect(head.headers.get("content-type")).toBe("text/event-stream");
  expect(await head.text()).toBe("");
  expect(fake.subscribers.size).toBe(0);
});

test("a client that does not read is cut off when its queue is full; others continue", async () => {
  const { ask, fake } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxMessages: 50 } });
  const slow = await ask(EVENTS);
  const quick = readerOf(await ask(EVENTS));
  for (let pid = 0; pid < 60; pid++) {
    fake.publish(change(pid));
    if (pid % 10 === 9) await quick.until((so) => so.includes(`id: ${101 + pid}\n`));
  }
  expect(fake.subscribers.size).toBe(1);
  expect(await slow.text()).toBe(""); // its queued messages are dropped: it reconnects and resumes
  expect(messagesOf(await quick.until(() => true)).length).toBe(61);
  await quick.cancel();
});

test("a queue is limited in characters too, but an empty one accepts a message of any size", async () => {
  const { ask, fake } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxChars: 3000 } });
  const reader = readerOf(await ask(EVENTS, { headers: { "last-event-id": "100" } }));
  await reader.until((so) => so.includes("retry"));
  fake.publish({ kind: "service", data: aService("web", { description: "x".repeat(10_000) }) });
  await reader.until((so) => so.includes("id: 101"));
  expect(fake.subscribers.size).toBe(1);
  for (let pid = 0; pid < 10; pid++) fake.publish(change(pid));
  expect(fake.subscribers.size).toBe(0);
});

test("closing the app ends every stream after its queued messages, unsubscribes, and refuses new streams", async () => {
  const { ask, fake, app } = makeRig();
  const reader = readerOf(await ask(EVENTS));
  await reader.until((so) => so.includes("snapshot"));
  fake.publish(change(1));
  app.close();
  expect(fake.subscribers.size).toBe(0);
  expect(messagesOf(await reader.until(() => false)).map(({ id }) => id)).toEqual([100, 101]);
  expect((await ask(EVENTS)).status).toBe(503);
});

test("the number of streams is limited: one too many is 429", async () => {
  const { ask, app, fake } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxStreams: 2 } });
  const open = [await ask(EVENTS), await ask(FOLLOW)];
  const refused = await ask(EVENTS);
  expect(refused.status).toBe(429);
  expect((await errorOf(refused)).code).toBe("too-many");
  await open[0]!.body!.cancel();
  expect((await ask(EVENTS)).status).toBe(200);
  app.close();
  expect(fake.subscribers.size).toBe(0);
});

test("one timer pings all streams every 15 s, and is cleared with the last stream", async () => {
  jest.useFakeTimers();
  const { ask, app } = makeRig();
  const streams = [await ask(EVENTS), await ask(FOLLOW), await ask(EVENTS)];
  expect(jest.getTimerCount()).toBe(1);
  const [events, logs] = streams.map((stream) => stream.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>);
  await Promise.all([events!.read(), logs!.read()]); // the first messages
  const next = Promise.all([events!.read(), logs!.read()]);
  await Promise.resolve();
  jest.advanceTimersByTime(15_000);
  expect((await next).map(({ value }) => new TextDecoder().decode(value))).toEqual([": ping\n\n", "\n"]);
  app.close();
  expect(jest.getTimerCount()).toBe(0);
});

test.each([false, true])("logs to follow are what is there, then each new line, one JSON object a line; places: %p", async (places) => {
  const { ask, fake } = makeRig();
  const response = await ask(`${FOLLOW}&lines=1${places ? "&places=true" : ""}`);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const reader = readerOf(response);
  fake.log(aLine("new\nline"));
  const text = await reader.until((so) => so.includes("new"));
  const lines = text.split("\n").filter((line) => line !== "");
  const place = places ? [{ place: "here" }] : [];
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([aLine("three"), ...place, aLine("new\nline"), ...place]);
  await reader.cancel();
});

test("grep and stream filter new lines as well", async () => {
  const { ask, fake } = makeRig();
  const reader = readerOf(await ask(`${FOLLOW}&lines=0&grep=^a&stream=stderr`, SSE));
  for (const [text, stream] of [
    ["ab", "stdout"],
    ["ba", "stderr"],
    ["ac", "stderr"],
  ] as const)
    fake.log(aLine(text, stream));
  const text = await reader.until((so) => so.includes("ac"));
  expect(text.replace("retry: 1000", "").trim()).toBe(`event: line\ndata: ${JSON.stringify(aLine("ac", "stderr"))}`);
  await reader.cancel();
});

test("a client that accepts server-sent events gets lines as events", async () => {
  const { ask, fake } = makeRig();
  const response = await ask(`${FOLLOW}&lines=0`, SSE);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = readerOf(response);
  fake.log(aLine("hi"));
  for (const follower of fake.followers) follower.gap(3);
  expect(await reader.until((so) => so.includes("gap"))).toEndWith(
    `event: line\ndata: ${JSON.stringify(aLine("hi"))}\n\nevent: gap\ndata: {"gap":3}\n\n`,
  );
  await reader.cancel();
});

test("a slow reader of logs misses nothing; lines that were deleted before it read them are a gap", async () => {
  const { ask, fake } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxMessages: 4, maxChars: 100 } });
  const reader = readerOf(await ask(`${FOLLOW}&lines=0`));
  for (let i = 0; i < 50; i++) fake.log(aLine(`line ${i}`));
  for (const follower of fake.followers) follower.gap(10);
  fake.log(aLine("after"));
  const lines = (await reader.until((so) => so.includes("after"))).split("\n").filter((line) => line !== "");
  const said = lines.map((line) => JSON.parse(line) as { text?: string; gap?: null });
  expect(said.map(({ text, gap }) => text ?? gap)).toEqual([...Array.from({ length: 50 }, (_, i) => `line ${i}`), null, "after"]);
  await reader.cancel();
});

test("a place that no longer exists is a gap, unless a time is given", async () => {
  const { ask } = makeRig();
  const reader = readerOf(await ask(`${FOLLOW}&places=true&after=1:2:3`));
  const text = await reader.until((so) => so.includes("gap"));
  expect(text.trim().split("\n").at(-1)).toBe('{"gap":null}');
  expect(text).toContain('"resumed":false');
  await reader.cancel();
  const withTime = readerOf(await ask(`${FOLLOW}&places=true&after=1:2:3&since=10m`));
  expect(await withTime.until((so) => so.includes("place"))).not.toContain("gap");
  await withTime.cancel();
  expect((await ask(`${FOLLOW.replace("follow=true", "lines=1")}&after=1:2:3`)).status).toBe(422);
  expect((await ask(`${FOLLOW}&invocation=0`, SSE)).status).toBe(422);
});

test("a slow page keeps its stream: a gap stands where lines are missing, with their number", async () => {
  const { ask, fake } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxMessages: 4 } });
  const response = await ask(`${FOLLOW}&lines=0`, SSE);
  for (let i = 0; i < 8; i++) fake.log(aLine(`line ${i}`));
  for (const follower of fake.followers) follower.gap(10);
  const reader = readerOf(response);
  await reader.until((so) => so.includes("gap"));
  fake.log(aLine("after"));
  const lines = (await reader.until((so) => so.includes("after"))).split("\n").filter((line) => line.startsWith("data: "));
  const said = lines.map((line) => JSON.parse(line.slice(6)) as { text?: string; gap?: number }).map(({ text, gap }) => text ?? gap);
  expect(said).toEqual(["line 0", "line 1", "line 2", 15, "after"]);
  await reader.cancel();
});

test("existing lines are all sent, even if they are more than a queue holds", async () => {
  const { ask, fake } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxMessages: 10, maxChars: 1000 } });
  fake.lines.push(...Array.from({ length: 50 }, (_, i) => aLine(`old ${i}`)));
  const reader = readerOf(await ask(FOLLOW));
  const text = await reader.until((so) => so.includes("old 49"));
  expect(text.match(/"text"/g)?.length).toBe(53);
  expect(text.includes("gap")).toBe(false);
  await reader.cancel();
});

test("a client that disconnects while existing lines are read leaves nothing open", async () => {
  const { app, fake } = makeRig();
  const gone = new AbortController();
  const [, path] = FOLLOW.split(" ");
  const answer = app.handle(new Request(`http://x${path}`, { signal: gone.signal }), "unix");
  gone.abort();
  await answer;
  expect(app.openStreams).toBe(0);
  expect(fake.followers.size).toBe(0);
});

test("a subscription that fails leaves no stream open", async () => {
  const { ask, app, fake, bugs } = makeRig();
  fake.subscribe = () => Promise.reject(new Error("no"));
  expect((await ask(EVENTS)).status).toBe(500);
  expect(bugs).toHaveLength(1);
  expect(app.openStreams).toBe(0);
});

test("a stream that is closed while it subscribes is unsubscribed", async () => {
  const { ask, app, fake } = makeRig();
  const subscribe = fake.subscribe;
  fake.subscribe = async (lastId, subscriber) => {
    const stop = await subscribe(lastId, subscriber);
    app.close();
    return stop;
  };
  expect(await (await ask(EVENTS)).text()).toContain("snapshot");
  expect(app.openStreams).toBe(0);
  expect(fake.subscribers.size).toBe(0);
});

test("following an unknown unit is an error, not a stream", async () => {
  const { ask, app } = makeRig();
  expect((await ask(FOLLOW.replace("web", "nope"))).status).toBe(404);
  expect(app.openStreams).toBe(0);
});

test("over TCP a stream needs the token like any other route", async () => {
  const { ask } = makeRig();
  expect((await ask(EVENTS, { headers: { host: "localhost" } }, "tcp")).status).toBe(401);
  const response = await ask(EVENTS, { headers: { host: "localhost", authorization: `Bearer ${TOKEN}` } }, "tcp");
  expect(response.status).toBe(200);
  await response.body!.cancel();
});

test("when all queues together are full, the slowest client loses first: a page gets a gap, others end and resume", async () => {
  const { ask, fake, app } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxTotalChars: 10_000 } });
  const slow = await ask(`${FOLLOW}&lines=0`, SSE);
  const events = await ask(EVENTS);
  for (let i = 0; i < 20; i++) fake.log(aLine(`slow ${i} ${"x".repeat(100)}`));
  const quick = readerOf(await ask(`${FOLLOW}&lines=0`, SSE));
  for (let i = 0; i < 100; i++) {
    fake.log(aLine(`quick ${i} ${"x".repeat(100)}`));
    await quick.until((so) => so.includes(`quick ${i} `));
  }
  expect(await quick.until(() => true)).not.toContain("gap");
  await quick.cancel();
  const late = readerOf(slow);
  const gap = /\{"gap":(\d+)\}/.exec(await late.until((so) => so.includes("gap")))!;
  fake.log(aLine("the present"));
  const text = await late.until((so) => so.includes("the present"));
  expect([...text.matchAll(/"text"/g)].length + Number(gap[1])).toBe(121); // every line is there or counted
  expect(Number(gap[1])).toBeGreaterThan(50);
  await late.cancel();
  for (let pid = 0; pid < 100; pid++) fake.publish(change(pid));
  const others = [await ask(EVENTS), await ask(EVENTS)];
  for (let pid = 0; pid < 20; pid++) fake.publish(change(pid));
  expect(app.openStreams).toBeLessThan(3);
  for (const response of [events, ...others]) await response.body!.cancel();
  expect(app.openStreams).toBe(0);
});

test("a long answer that nobody reads breaks off when others need the memory; one that is read is whole JSON", async () => {
  const { ask, fake, app } = makeRig({}, { streamLimits: { ...STREAM_LIMITS, maxTotalChars: 3_000_000 } });
  fake.lines.push(...Array.from({ length: 5000 }, (_, i) => aLine(`${i} ${"x".repeat(300)}`)));
  const path = FOLLOW.replace("follow=true", "lines=5000");
  const texts = (lines: unknown): string[] => (lines as Array<{ text: string }>).map(({ text }) => text);
  expect(texts(await (await ask(path)).json())).toEqual(fake.lines.slice(-5000).map(({ text }) => text));
  expect(app.openStreams).toBe(0);
  const unread = await ask(path);
  expect(unread.headers.get("content-type")).toBe("application/json");
  const read = await ask(path);
  expect(app.openStreams).toBe(1);
  const [first, second] = await Promise.allSettled([unread.text(), read.text()]);
  expect([first.status, second.status].sort()).toEqual(["fulfilled", "rejected"]);
});

test("an expression that takes long holds up neither other streams nor the order of lines", async () => {
  const { ask, fake } = makeRig();
  const slow = readerOf(await ask(`${FOLLOW}&lines=0&grep=${encodeURIComponent("(?:[ab]?){400}c")}`, SSE));
  const quick = readerOf(await ask(`${FOLLOW}&lines=0`, SSE));
  for (let i = 0; i < 30; i++) fake.log(aLine(`${"ab".repeat(200)}${i % 2 ? "c" : ""}${i}`));
  for (const follower of fake.followers) follower.gap(7);
  const early = await quick.until((so) => so.includes("gap"));
  expect([...early.matchAll(/"text"/g)].length).toBe(30);
  const text = await slow.until((so) => so.includes("gap"));
  expect([...text.matchAll(/c(\d+)"/g)].map(([, i]) => Number(i))).toEqual(Array.from({ length: 15 }, (_, i) => 2 * i + 1));
  expect(text.trimEnd()).toEndWith('data: {"gap":7}');
  await slow.cancel();
  await quick.cancel();
});

/** The requests of each preset, against what the provider's documentation requires and allows. */
import { expect, test } from "bun:test";
import { receiver } from "../../harness/http-receiver.ts";
import { aMessage, aNotice, ended, hostileMessage, send, webhook } from "./fixtures.ts";
import type { Message } from "../../../src/core/notifications/message.ts";
import type { WebhookChannel } from "../../../src/spec/notifications.ts";

process.env.SUP_TEST_KEY = "the-key";
const KEY = { env: "SUP_TEST_KEY" };

async function requests(preset: WebhookChannel["preset"], message: Message, more: Partial<WebhookChannel> = {}) {
  await using server = receiver();
  const result = await send(webhook(server.url, { preset, ...more }), message);
  expect(result.ok).toBe(true);
  return server.received.map(({ path, headers, text }) => ({
    path,
    headers,
    bytes: Buffer.byteLength(text),
    body: JSON.parse(text) as Record<string, any>,
  })); // oxlint-disable-line typescript/no-explicit-any
}

test("slack: text is present, short enough, and no text of a service is markup", async () => {
  const [{ body }] = (await requests("slack", aMessage())) as [any];
  expect(body.text).toStartWith(":warning: *web on alpha: failed since 03:12:05 UTC*\nCause: it is fatal: exit code 3\n");
  expect(body.text).toContain("Down because of it: api, shop");
  expect(body.text).toContain("  out of memory");
  const [{ body: hostile }] = (await requests("slack", hostileMessage())) as [any];
  expect(hostile.text.length).toBeLessThanOrEqual(4000);
  expect(hostile.text).not.toContain("<!channel>");
  expect(hostile).toMatchObject({ link_names: false, unfurl_links: false });
});

test("discord: at most 2000 characters, and nobody is mentioned", async () => {
  for (const message of [aMessage(), hostileMessage()]) {
    const [{ body }] = (await requests("discord", message)) as [any];
    expect(body.content.length).toBeLessThanOrEqual(2000);
    expect(body.allowed_mentions).toEqual({ parse: [] });
  }
});

test("teams: an adaptive card of at most 28 KB", async () => {
  const [{ body }] = (await requests("teams", aMessage())) as [any];
  expect(body).toMatchObject({ type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content: { type: "AdaptiveCard", version: "1.4" } }] }); // prettier-ignore
  expect(body.attachments[0].content.body[0]).toMatchObject({
    type: "TextBlock",
    text: "web on alpha: failed since 03:12:05 UTC",
    color: "Warning",
    wrap: true,
  });
  const [{ bytes }] = (await requests("teams", hostileMessage())) as [any];
  expect(bytes).toBeLessThan(28 * 1024);
});

test("ntfy: JSON to the root with a topic, at most 4096 bytes of text, nothing in headers but the token", async () => {
  const [{ path, headers, body }] = (await requests("ntfy", aMessage(), { topic: "alerts", key: KEY })) as [any];
  expect(path).toBe("/");
  expect(headers.authorization).toBe("Bearer the-key");
  expect(body).toMatchObject({
    topic: "alerts",
    title: "web on alpha: failed since 03:12:05 UTC",
    priority: 4,
    tags: ["warning"],
    click: "https://sup.example.org",
  });
  const [{ body: hostile, headers: plain }] = (await requests("ntfy", hostileMessage(), { topic: "alerts" })) as [any];
  expect(Buffer.byteLength(hostile.message)).toBeLessThanOrEqual(4096);
  expect(plain.authorization).toBeUndefined();
});

test("pagerduty: trigger and resolve with the same dedup_key, for each episode its own", async () => {
  const episodes = [aNotice(), aNotice({ episode: "8-abc", unit: "db", severity: "critical" })];
  const [first, second] = (await requests("pagerduty", aMessage(episodes), { key: KEY })) as [any, any];
  expect(first.body).toMatchObject({
    ...{ routing_key: "the-key", event_action: "trigger", client: "sup" },
    payload: { summary: "web on alpha: failed since 03:12:05 UTC: it is fatal: exit code 3", source: "alpha", severity: "warning", component: "web", class: "failed", timestamp: "2026-05-01T03:12:05.000Z" }, // prettier-ignore
  });
  expect(second.body.payload.severity).toBe("critical");
  expect(second.body.dedup_key).not.toBe(first.body.dedup_key);
  const [over] = (await requests("pagerduty", aMessage([ended({ type: "failing" })]), { key: KEY })) as [any];
  expect(over.body).toEqual({ routing_key: "the-key", event_action: "resolve", dedup_key: first.body.dedup_key });
  const all = (await requests("pagerduty", hostileMessage(), { key: KEY })) as any[];
  expect(all).toHaveLength(49);
  for (const { body, bytes } of all) {
    expect(body.payload.summary.length).toBeLessThanOrEqual(1024);
    expect(body.dedup_key.length).toBeLessThanOrEqual(255);
    expect(bytes).toBeLessThan(512 * 1024);
  }
});

test("jsm: an alert with an alias, closed by that alias", async () => {
  const [opened] = (await requests("jsm", aMessage(), { key: KEY })) as [any];
  expect(opened.headers.authorization).toBe("GenieKey the-key");
  expect(opened.path).toBe("/");
  expect(opened.body).toMatchObject({
    message: "web on alpha: failed since 03:12:05 UTC",
    entity: "web",
    priority: "P3",
    source: "sup on alpha",
    tags: ["sup", "failed"],
  });
  const [closed] = (await requests("jsm", aMessage([ended()]), { key: KEY })) as [any];
  expect(closed.path).toBe(`/${encodeURIComponent(opened.body.alias)}/close?identifierType=alias`);
  for (const { body } of (await requests("jsm", hostileMessage(), { key: KEY })) as any[]) {
    expect(body.message.length).toBeLessThanOrEqual(130);
    expect(body.description.length).toBeLessThanOrEqual(15_000);
    expect(body.alias.length).toBeLessThanOrEqual(512);
  }
});

test("an incident that began and ended unseen needs no request; a test opens one and closes it", async () => {
  expect(await requests("pagerduty", aMessage([ended({ what: "past" })]), { key: KEY })).toEqual([]);
  const both = (await requests("pagerduty", aMessage([aNotice({ what: "test" })]), { key: KEY })) as [any, any];
  expect(both.map(({ body }) => body.event_action)).toEqual(["trigger", "resolve"]);
});

test("parts that were delivered are not sent again", async () => {
  const message = aMessage(["1", "2", "3"].map((episode) => aNotice({ episode })));
  await using server = receiver((_, count) => new Response("", { status: count === 2 ? 503 : 202 }));
  const channel = webhook(server.url, { preset: "pagerduty", key: KEY });
  const parts: string[] = [];
  expect((await send(channel, message, { parts })).ok).toBe(false);
  expect(parts).toEqual(["1 begin"]);
  expect((await send(channel, message, { parts, done: parts.slice() })).ok).toBe(true);
  expect(server.received.map(({ text }) => (JSON.parse(text) as { dedup_key: string }).dedup_key.split(":").at(-1))).toEqual([
    "1",
    "2",
    "2",
    "3",
  ]);
});

test("generic: everything, also for messages about many units", async () => {
  const [{ body }] = (await requests("generic", aMessage([aNotice(), ended({ unit: "", type: "store" })]))) as [any];
  expect(body).toMatchObject({
    version: 1,
    key: "12-xyz",
    host: "alpha",
    severity: "warning",
    title: "1 problem, 1 over on alpha: web, sup",
  });
  expect(body.notices).toMatchObject([{ unit: "web", alert_type: "failed", affected: ["api", "shop"], last_lines: ["listening", "out of memory"] }, { unit: null, what: "end", ending: "recovered" }]); // prettier-ignore
});

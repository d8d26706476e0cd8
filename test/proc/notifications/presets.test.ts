/** The requests of each preset, against what the provider's documentation requires and allows. */
import { expect, test } from "bun:test";
import { receiver } from "../../harness/http-receiver.ts";
import { aMessage, aNotice, ended, hostileMessage, send, webhook } from "./fixtures.ts";
import type { Message } from "../../../src/core/notifications/message.ts";
import type { WebhookChannel } from "../../../src/spec/notifications.ts";

process.env.SUP_TEST_KEY = "the-key";
const KEY = { env: "SUP_TEST_KEY" };

interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly body: object;
}

/** The requests for a message, in order. */
async function requests(preset: WebhookChannel["preset"], message: Message, more: Partial<WebhookChannel> = {}): Promise<Sent[]> {
  await using server = receiver();
  const result = await send(webhook(server.url, { preset, ...more }), message);
  expect(result.ok).toBe(true);
  return server.received.map(({ path, headers, text }) => ({
    ...{ path, headers, bytes: Buffer.byteLength(text), body: JSON.parse(text) as object },
  }));
}

/** The only request for a message. */
async function only(...of: Parameters<typeof requests>): Promise<Sent> {
  const all = await requests(...of);
  expect(all).toHaveLength(1);
  return all[0]!;
}

/** The string at a dotted path of a body. */
function text(body: object, path: string): string {
  const found = path.split(".").reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], body);
  if (typeof found !== "string") throw new Error(`no string at ${path}`);
  return found;
}

test("slack: text is present, short enough, and no text of a service is markup", async () => {
  const { body } = await only("slack", aMessage());
  expect(text(body, "text")).toStartWith(":warning: *web on alpha: failed since 03:12:05 UTC*\nCause: it is fatal: exit code 3\n");
  expect(text(body, "text")).toContain("Down because of it: api, shop");
  expect(text(body, "text")).toContain("  out of memory");
  const { body: hostile } = await only("slack", hostileMessage());
  expect(text(hostile, "text").length).toBeLessThanOrEqual(4000);
  expect(text(hostile, "text")).not.toContain("<!channel>");
  expect(hostile).toMatchObject({ link_names: false, unfurl_links: false });
});

test("discord: at most 2000 characters, and nobody is mentioned", async () => {
  for (const message of [aMessage(), hostileMessage()]) {
    const { body } = await only("discord", message);
    expect(text(body, "content").length).toBeLessThanOrEqual(2000);
    expect(body).toMatchObject({ allowed_mentions: { parse: [] } });
  }
});

test("teams: an adaptive card of at most 28 KB", async () => {
  const { body } = await only("teams", aMessage());
  expect(body).toMatchObject({ type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content: { type: "AdaptiveCard", version: "1.4" } }] }); // prettier-ignore
  expect((body as { attachments: [{ content: { body: unknown[] } }] }).attachments[0].content.body[0]).toMatchObject({
    type: "TextBlock",
    text: "web on alpha: failed since 03:12:05 UTC",
    color: "Warning",
    wrap: true,
  });
  const { bytes } = await only("teams", hostileMessage());
  expect(bytes).toBeLessThan(28 * 1024);
});

test("ntfy: JSON to the root with a topic, at most 4096 bytes of text, nothing in headers but the token", async () => {
  const { path, headers, body } = await only("ntfy", aMessage(), { topic: "alerts", key: KEY });
  expect(path).toBe("/");
  expect(headers.authorization).toBe("Bearer the-key");
  expect(body).toMatchObject({
    topic: "alerts",
    title: "web on alpha: failed since 03:12:05 UTC",
    priority: 4,
    tags: ["warning"],
    click: "https://sup.example.org",
  });
  const { body: hostile, headers: plain } = await only("ntfy", hostileMessage(), { topic: "alerts" });
  expect(Buffer.byteLength(text(hostile, "message"))).toBeLessThanOrEqual(4096);
  expect(plain.authorization).toBeUndefined();
});

test("pagerduty: trigger and resolve with the same dedup_key, for each episode its own", async () => {
  const episodes = [aNotice(), aNotice({ episode: "8-abc", unit: "db", severity: "critical" })];
  const [first, second] = await requests("pagerduty", aMessage(episodes), { key: KEY });
  expect(first!.body).toMatchObject({
    ...{ routing_key: "the-key", event_action: "trigger", client: "sup" },
    payload: { summary: "web on alpha: failed since 03:12:05 UTC: it is fatal: exit code 3", source: "alpha", severity: "warning", component: "web", class: "failed", timestamp: "2026-05-01T03:12:05.000Z" }, // prettier-ignore
  });
  expect(text(second!.body, "payload.severity")).toBe("critical");
  expect(text(second!.body, "dedup_key")).not.toBe(text(first!.body, "dedup_key"));
  const over = await only("pagerduty", aMessage([ended({ type: "failing" })]), { key: KEY });
  expect(over.body).toEqual({ routing_key: "the-key", event_action: "resolve", dedup_key: text(first!.body, "dedup_key") });
  const all = await requests("pagerduty", hostileMessage(), { key: KEY });
  expect(all).toHaveLength(49);
  for (const { body, bytes } of all) {
    expect(text(body, "payload.summary").length).toBeLessThanOrEqual(1024);
    expect(text(body, "dedup_key").length).toBeLessThanOrEqual(255);
    expect(bytes).toBeLessThan(512 * 1024);
  }
});

test("jsm: an alert with an alias, closed by that alias", async () => {
  const opened = await only("jsm", aMessage(), { key: KEY });
  expect(opened.headers.authorization).toBe("GenieKey the-key");
  expect(opened.path).toBe("/");
  expect(opened.body).toMatchObject({
    message: "web on alpha: failed since 03:12:05 UTC",
    entity: "web",
    priority: "P3",
    source: "sup on alpha",
    tags: ["sup", "failed"],
  });
  const closed = await only("jsm", aMessage([ended()]), { key: KEY });
  expect(closed.path).toBe(`/${encodeURIComponent(text(opened.body, "alias"))}/close?identifierType=alias`);
  for (const { body } of await requests("jsm", hostileMessage(), { key: KEY })) {
    expect(text(body, "message").length).toBeLessThanOrEqual(130);
    expect(text(body, "description").length).toBeLessThanOrEqual(15_000);
    expect(text(body, "alias").length).toBeLessThanOrEqual(512);
  }
});

test("an incident that began and ended unseen needs no request; a test opens one and closes it", async () => {
  expect(await requests("pagerduty", aMessage([ended({ what: "past" })]), { key: KEY })).toEqual([]);
  const both = await requests("pagerduty", aMessage([aNotice({ what: "test" })]), { key: KEY });
  expect(both.map(({ body }) => text(body, "event_action"))).toEqual(["trigger", "resolve"]);
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
  const { body } = await only("generic", aMessage([aNotice(), ended({ unit: "", type: "store" })]));
  expect(body).toMatchObject({
    version: 1,
    key: "12-xyz",
    host: "alpha",
    severity: "warning",
    title: "1 problem, 1 over on alpha: web, sup",
  });
  expect(body).toMatchObject({ notices: [{ unit: "web", alert_type: "failed", affected: ["api", "shop"], last_lines: ["listening", "out of memory"] }, { unit: null, what: "end", ending: "recovered" }] }); // prettier-ignore
});

import { describe, expect, test } from "bun:test";
import { loadSettings } from "../../../src/spec/schema/settings.ts";

const load = (settings: object) => loadSettings({ path: "/sup.json", text: JSON.stringify(settings) });
const channels = (ops: object, rules?: object[]) => load({ notifications: { channels: { ops }, ...(rules && { rules }) } });
const words = ({ problems }: ReturnType<typeof load>): string[] => problems.map(({ severity, message }) => `${severity}: ${message}`);

const FILE = { file: "/etc/sup/secret" };
const HOOK = { type: "webhook", url: "https://example.org/hook" };

describe("defaults", () => {
  test("without rules every channel gets everything", () => {
    const { settings } = load({ notifications: { channels: { a: HOOK, b: { type: "exec", command: "/bin/true" } } } });
    expect(settings.notifications.rules).toEqual([
      {
        ...{ channels: ["a", "b"], events: [], severity: "warning", units: [], groups: [], labels: {}, recovery: true },
        ...{ groupWaitMs: 30_000, repeatAfterMs: 14_400_000, digestMs: null, quietHours: null },
      },
    ]);
    expect(settings.notifications.channels.a).toMatchObject({
      rateLimit: { messages: 5, perMs: 600_000 },
      maxAgeMs: 86_400_000,
      timeoutMs: 15_000,
    });
  });

  test.each([
    ["starttls", 587],
    ["tls", 465],
    ["none", 25],
  ])("the port of %s is %d", (security, port) => {
    const { settings } = channels({ type: "email", host: "h", from: "a@b.c", to: ["a@b.c"], security });
    expect(settings.notifications.channels.ops).toMatchObject({ port, security });
  });

  test("repeat_after 0 means never, quiet hours are minutes, the page has no slash at its end", () => {
    const { settings } = load({
      page_url: "https://sup.example.org/",
      heartbeat: { url: "https://example.org/ping" },
      notifications: {
        channels: { ops: HOOK },
        rules: [{ channels: ["ops"], repeat_after: 0, quiet_hours: { from: "22:30", to: "07:00" } }],
      },
    });
    expect(settings.notifications.rules[0]).toMatchObject({
      repeatAfterMs: null,
      quietHours: { fromMinute: 1350, toMinute: 420, timezone: null },
    });
    expect(settings).toMatchObject({ pageUrl: "https://sup.example.org", heartbeat: { intervalMs: 60_000, timeoutMs: 10_000 } });
  });
});

describe("refused", () => {
  test.each<[string, object, string]>([
    ["a webhook without a URL", { type: "webhook" }, '"url" is missing: it says where to send the message'],
    [
      "a chat URL that is written out",
      { type: "webhook", preset: "slack", url: "https://x.example/y" },
      '"url" of the preset slack is a secret: write {"file": "/path"} or {"env": "NAME"}',
    ],
    ["pagerduty without a key", { type: "webhook", preset: "pagerduty" }, '"key" is missing: the preset pagerduty needs it'],
    [
      "ntfy without a topic",
      { type: "webhook", preset: "ntfy", url: "https://ntfy.example" },
      '"topic" is missing: the preset ntfy needs it',
    ],
    [
      "a user without a password",
      { type: "email", host: "h", from: "a@b.c", to: ["a@b.c"], user: "u" },
      '"user" and "password" belong together',
    ],
    ["SMS without a sender", { type: "sms", account: "a", token: FILE, to: ["+15551111"] }, '"from" or "messaging_service" is missing'],
  ])("%s", (_, channel, message) => expect(words(channels(channel))).toEqual([`error: ${message}`]));

  test.each<[string, object]>([
    ["a password that is written out", { type: "email", host: "h", from: "a@b.c", to: ["a@b.c"], user: "u", password: "hunter2" }],
    ["credentials in a URL", { type: "webhook", url: "https://u:hunter2@example.org/" }],
    ["an address with a line break", { type: "email", host: "h", from: "a@b.c\r\nBcc: other@b.c", to: ["a@b.c"] }],
    ["a number without a country", { type: "sms", account: "a", token: FILE, from: "x", to: ["0151111"] }],
    ["a relative command", { type: "exec", command: "bin/hook" }],
    ["an unknown type", { type: "pigeon" }],
    ["an unknown key", { ...HOOK, colour: "red" }],
  ])("%s", (_, channel) => {
    expect(words(channels(channel)).length).toBeGreaterThan(0);
    expect(JSON.stringify(words(channels(channel)))).not.toContain("hunter2");
  });

  test("a rule for a channel that does not exist", () => {
    expect(words(channels(HOOK, [{ channels: ["ops", "opps"] }]))).toEqual(['error: there is no channel "opps"']);
  });

  test("hours and time zones that do not exist", () => {
    for (const quiet_hours of [
      { from: "24:00", to: "07:00" },
      { from: "22:00", to: "07:00", timezone: "Mars/Base" },
    ])
      expect(words(channels(HOOK, [{ channels: ["ops"], quiet_hours }]))).toHaveLength(1);
  });
});

import { expect, test } from "bun:test";
import { smsText, transliterate } from "../../../src/adapters/notifications/sms.ts";
import { receiver } from "../../harness/http-receiver.ts";
import { aMessage, aNotice, ended, hostileMessage, send, sms } from "./fixtures.ts";

process.env.SUP_TEST_TOKEN = "auth-token";

test("a form for each number, with the account's credentials", async () => {
  await using server = receiver(() => new Response("{}", { status: 201 }));
  expect((await send(sms(server.url, { to: ["+15551111", "+15552222"] }))).ok).toBe(true);
  expect(server.received.map(({ path, headers }) => [path, headers.authorization, headers["content-type"]])).toEqual(
    Array.from({ length: 2 }, () => [
      "/2010-04-01/Accounts/AC123/Messages.json",
      `Basic ${btoa("AC123:auth-token")}`,
      "application/x-www-form-urlencoded",
    ]),
  );
  expect(server.received.map(({ text }) => Object.fromEntries(new URLSearchParams(text)))).toEqual(
    ["+15551111", "+15552222"].map((To) => ({
      To,
      From: "+15550001",
      Body: "web on alpha: failed since 03:12:05 UTC. it is fatal: exit code 3",
    })),
  );
});

test("a messaging service in place of a sender", async () => {
  await using server = receiver();
  await send(sms(server.url, { from: null, messagingService: "MG1" }));
  expect(Object.fromEntries(new URLSearchParams(server.received[0]!.text))).toMatchObject({ MessagingServiceSid: "MG1" });
  expect(server.received[0]!.text).not.toContain("From=");
});

test("a number that already has the message does not get it again; one that is refused does not keep it from the others", async () => {
  await using server = receiver((_, count) => new Response("bad number", { status: count === 1 ? 400 : 201 }));
  const parts: string[] = [];
  const result = await send(sms(server.url, { to: ["+1551", "+1552", "+1553"] }), aMessage(), { done: ["+1552"], parts });
  expect(result).toMatchObject({ ok: false, kind: "permanent" });
  expect(server.received.map(({ text }) => new URLSearchParams(text).get("To"))).toEqual(["+1551", "+1553"]);
});

test("one segment of the GSM alphabet, whatever the text", () => {
  for (const message of [
    aMessage(),
    hostileMessage(),
    aMessage([aNotice({ severity: "critical", unit: "größe", message: "Fehler „schlimm“ 😀 [x] {y}" })]),
  ]) {
    expect(smsText(message).length).toBeLessThanOrEqual(160);
    expect(smsText(message)).toMatch(/^[\x20-\x5a_\x61-\x7a]*$/);
  }
  expect(smsText(aMessage([aNotice({ severity: "critical" })]))).toStartWith("CRITICAL web on alpha: failed");
  expect(smsText(aMessage([ended()]))).toBe("OK web on alpha: recovered at 03:20:00 UTC; failed since 03:12:05 UTC");
});

test.each([
  ["Straße für Ærø €5", "Strasse fur AEro EUR5"],
  ["[a] {b} ~c^ `d` \\e |f", "(a) (b) -c' 'd' /e /f"],
  ["日本 😀", "?? ?"],
  ["tab\tand\nline", "tab and line"],
])("%s", (text, expected) => expect(transliterate(text)).toBe(expected));

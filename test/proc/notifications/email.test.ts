import { describe, expect, test } from "bun:test";
import { mailOf } from "../../../src/adapters/notifications/email.ts";
import { mailServer } from "../../harness/mail-server.ts";
import { aMessage, aNotice, email, ended, hostileMessage, send } from "./fixtures.ts";

process.env.SUP_TEST_MAIL = "mail-password";
const PASSWORD = { env: "SUP_TEST_MAIL" };

describe("a mail", () => {
  test("over STARTTLS with authentication, as text and HTML", async () => {
    await using server = await mailServer({ authOptional: false });
    const result = await send(email(server.port, { user: "sup", password: PASSWORD, to: ["a@example.org", "b@example.org"] }));
    expect(result).toEqual({ ok: true, detail: "accepted for a@example.org, b@example.org" });
    const [mail] = server.mails;
    expect(mail).toMatchObject({ from: "sup@example.org", to: ["a@example.org", "b@example.org"], secure: true, user: "sup" });
    expect(mail!.text).toMatch(/^Subject: web on alpha: failed since 03:12:05 UTC\r$/m);
    expect(mail!.text).toMatch(/^Message-ID: <12-xyz\.alpha@example\.org>\r$/m);
    expect(mail!.text).toMatch(/^References: <episode\.7-abc\.alpha@example\.org>\r$/m);
    expect(mail!.text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(mail!.text).toContain("multipart/alternative");
    expect(mail!.text).toContain("Cause: it is fatal: exit code 3");
  });

  test("over TLS from the first byte", async () => {
    await using server = await mailServer({ secure: true });
    expect((await send(email(server.port, { security: "tls" }))).ok).toBe(true);
    expect(server.mails[0]!.secure).toBe(true);
  });

  test("without encryption only if the settings say so", async () => {
    await using server = await mailServer({ disabledCommands: ["STARTTLS"] });
    expect(await send(email(server.port))).toMatchObject({ ok: false, kind: "temporary" });
    expect(server.mails).toEqual([]);
    expect((await send(email(server.port, { security: "none" }))).ok).toBe(true);
    expect(server.mails[0]!.secure).toBe(false);
  });

  test("not to a server whose certificate is not valid", async () => {
    await using server = await mailServer();
    expect(await send(email(server.port, { insecureTls: false }))).toMatchObject({ ok: false, kind: "temporary" });
    expect(server.mails).toEqual([]);
  });
});

describe("a failure", () => {
  test("a refused password does not appear, and is tried again: the mail is not at fault", async () => {
    process.env.SUP_TEST_WRONG = "wrong-password";
    await using server = await mailServer({ authOptional: false });
    const result = await send(email(server.port, { user: "sup", password: { env: "SUP_TEST_WRONG" } }));
    const { detail } = result;
    expect(result).toMatchObject({ ok: false, kind: "temporary", detail: expect.stringContaining("Invalid username or password") });
    expect(detail).not.toContain("wrong-password");
  });

  test.each([
    [550, "permanent"],
    [451, "temporary"],
  ] as const)("a receiver that is refused with %d is %s", async (responseCode, kind) => {
    const refuse = Object.assign(new Error("no such mailbox"), { responseCode });
    await using server = await mailServer({ onRcptTo: (_address, _session, callback) => callback(refuse) });
    expect(await send(email(server.port))).toMatchObject({ ok: false, kind, detail: expect.stringContaining("no such mailbox") });
  });

  test("one refused receiver of two does not keep the mail from the other", async () => {
    const refuse = Object.assign(new Error("no such mailbox"), { responseCode: 550 });
    await using server = await mailServer({
      onRcptTo: ({ address }, _session, callback) => callback(address.startsWith("bad") ? refuse : null),
    });
    const result = await send(email(server.port, { to: ["ok@example.org", "bad@example.org"] }));
    expect(result).toEqual({ ok: true, detail: "accepted for ok@example.org; refused: bad@example.org" });
  });

  test("a server that does not answer is given up in time", async () => {
    await using server = await mailServer({ onMailFrom: () => {} });
    expect(await send(email(server.port), aMessage(), { timeoutMs: 500 })).toMatchObject({
      ok: false,
      kind: "temporary",
      detail: expect.stringContaining("in time"),
    });
  });
});

test("no text of a service begins a header, and HTML in it stays text", () => {
  const evil = "a\r\nBcc: victim@example.org\r\n\r\n<img src=x onerror=alert(1)>";
  const mail = mailOf(
    { from: "sup@example.org", to: ["ops@example.org"] },
    aMessage([aNotice({ unit: evil, message: evil, episode: evil })], { key: evil, host: evil }),
  );
  expect([mail.subject, mail.messageId, ...mail.references].join("")).not.toMatch(/[\r\n]/);
  expect(mail.html).not.toContain("<img");
  expect(mailOf({ from: "s@e.org", to: [] }, hostileMessage()).subject.length).toBeLessThan(220);
});

test("the mails about one episode have the same reference, and each its own id", () => {
  const of = (key: string, notice = aNotice()) => mailOf({ from: "sup@example.org", to: [] }, aMessage([notice], { key }));
  const [begin, end] = [of("1-a"), of("2-b", ended())];
  expect(begin.references).toEqual(end.references);
  expect(begin.messageId).not.toBe(end.messageId);
  expect(end.subject).toStartWith("[ok] ");
});

import { clip, titleOf, toneOf, type Message } from "../../core/notifications/message.ts";
import type { Attempt, SendResult } from "../../ports/notifier.ts";
import type { SmsChannel } from "../../spec/notifications.ts";
import { request } from "./http.ts";
import { sendParts } from "./parts.ts";
import type { Secrets } from "./secrets.ts";

/** The API of Twilio, which other providers have too. It has no key that would prevent a repeated message. */
export async function sendSms(channel: SmsChannel, attempt: Attempt, secrets: Secrets, agent: string): Promise<SendResult> {
  const token = secrets.read(channel.token);
  if (!token.ok) return { ok: false, kind: "temporary", detail: token.error, retryAfterMs: null };
  const { baseUrl, account, from, messagingService, to } = channel;
  const url = `${baseUrl}/2010-04-01/Accounts/${encodeURIComponent(account)}/Messages.json`;
  const headers = {
    authorization: `Basic ${Buffer.from(`${account}:${token.value}`).toString("base64")}`,
    "content-type": "application/x-www-form-urlencoded",
    "user-agent": agent,
  };
  const sender: Record<string, string> = messagingService === null ? { From: from ?? "" } : { MessagingServiceSid: messagingService };
  const parts = to.map((number) => ({
    name: number,
    send: () =>
      request(
        { method: "POST", url, headers, body: new URLSearchParams({ To: number, ...sender, Body: smsText(attempt.message) }).toString() },
        attempt.signal,
      ),
  }));
  return sendParts(parts, attempt);
}

/** A segment of the GSM alphabet has 160 characters. One other character would make segments of 70. */
const SEGMENT = 160;

export function smsText(message: Message): string {
  const mark = { bad: "CRITICAL ", warning: "", good: "OK ", plain: "" }[toneOf(message)];
  const [first] = message.notices;
  const cause = message.notices.length === 1 && first !== undefined && first.what !== "end" ? `. ${first.message}` : "";
  return clip(transliterate(`${mark}${titleOf(message)}${cause}`), SEGMENT).replace("…", ".");
}

const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  Æ: "AE",
  ø: "o",
  Ø: "O",
  œ: "oe",
  ł: "l",
  Ł: "L",
  đ: "d",
  "€": "EUR",
};
/** Characters of ASCII that are not in the basic GSM alphabet. */
const REPLACED: Readonly<Record<string, string>> = { "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "|": "/", "^": "'", "~": "-", "`": "'", "–": "-", "—": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "…": "..." }; // prettier-ignore

/** Replaces every character by one of the basic GSM alphabet (3GPP 23.038) that is also in ASCII. */
export function transliterate(text: string): string {
  const plain = [...text].map((char) => LETTERS[char] ?? REPLACED[char] ?? char).join("");
  return plain
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/\s+/g, " ")
    .replace(/[^\x20-\x7e]/gu, "?")
    .replace(/[[\]{}\\|^~`]/g, (char) => REPLACED[char]!);
}

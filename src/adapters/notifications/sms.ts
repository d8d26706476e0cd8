import { clip, titleOf, toneOf, type Message } from "../../core/notifications/message.ts";
import type { Attempt, SendResult } from "../../ports/notifier.ts";
import type { SmsChannel } from "../../spec/notifications.ts";
import { request } from "./http.ts";
import { sendParts } from "./parts.ts";
import type { Secrets } from "./secrets.ts";

/** Sends a message with Twilio's API, which other providers also offer. The API has no key that would prevent a repeated message. */
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

/**
 * Number of characters in a segment of the GSM alphabet. A single character outside this alphabet would reduce segments to 70
 * characters.
 */
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
/** Replacements for ASCII characters that are not in the basic GSM alphabet, and for typographic characters. */
const REPLACED: Readonly<Record<string, string>> = { "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "|": "/", "^": "'", "~": "-", "`": "'", "–": "-", "—": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "…": "..." }; // prettier-ignore

/** Replaces every character with one that is both in the basic GSM alphabet (3GPP 23.038) and in ASCII. */
export function transliterate(text: string): string {
  const plain = [...text].map((char) => LETTERS[char] ?? REPLACED[char] ?? char).join("");
  return plain
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/\s+/g, " ")
    .replace(/[^\x20-\x7e]/gu, "?")
    .replace(/[[\]{}\\|^~`]/g, (char) => REPLACED[char]!);
}

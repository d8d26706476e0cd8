import { err, ok, type Result } from "../../base/result.ts";
import type { Message } from "../../core/notifications/message.ts";
import type { Attempt, SendResult } from "../../ports/notifier.ts";
import type { WebhookChannel } from "../../spec/notifications.ts";
import { discord, generic, ntfy, slack, teams } from "./chat.ts";
import { request, type HttpRequest } from "./http.ts";
import { jsm, pagerDuty } from "./incidents.ts";
import { sendParts, type Part } from "./parts.ts";
import type { Secrets } from "./secrets.ts";

/** The addresses of services that have only one address. */
const ADDRESSES = {
  pagerduty: "https://events.pagerduty.com/v2/enqueue",
  jsm: "https://api.atlassian.com/jsm/ops/integration/v2/alerts",
} as const;

export async function sendWebhook(channel: WebhookChannel, attempt: Attempt, secrets: Secrets, agent: string): Promise<SendResult> {
  const requests = requestsOf(channel, attempt.message, secrets);
  if (!requests.ok) return { ok: false, kind: "temporary", detail: requests.error, retryAfterMs: null };
  const parts = requests.value.map(({ part, url, headers, body }): Part => ({
    name: part,
    send: () =>
      request(
        { method: "POST", url, headers: { "content-type": "application/json", "user-agent": agent, ...headers }, body },
        attempt.signal,
      ),
  }));
  return sendParts(parts, attempt);
}

interface NamedRequest extends Pick<HttpRequest, "url" | "headers"> {
  readonly part: string;
  readonly body: string;
}

function requestsOf(channel: WebhookChannel, message: Message, secrets: Secrets): Result<NamedRequest[], string> {
  const { preset } = channel;
  const url = channel.url === null ? ok(ADDRESSES[preset as keyof typeof ADDRESSES]) : secrets.readUrl(channel.url);
  if (!url.ok) return url;
  const key = channel.key === null ? ok(null) : secrets.read(channel.key);
  if (!key.ok) return key;
  const secret = channel.secret === null ? ok(null) : secrets.read(channel.secret);
  if (!secret.ok) return secret;
  const one = (body: unknown, headers: Record<string, string> = {}): Result<NamedRequest[], string> =>
    ok([{ part: "", url: url.value, headers, body: JSON.stringify(body) }]);
  const bearer: Record<string, string> = key.value === null ? {} : { authorization: `Bearer ${key.value}` };
  switch (preset) {
    case "slack":
      return one(slack(message));
    case "discord":
      return one(discord(message));
    case "teams":
      return one(teams(message));
    case "ntfy":
      return one(ntfy(message, channel.topic ?? ""), bearer);
    case "generic":
      return ok([signed(url.value, JSON.stringify(generic(message)), message, secret.value, bearer)]);
    case "pagerduty":
      return ok(
        pagerDuty(message, key.value ?? "").map(({ part, body }) => ({ part, url: url.value, headers: {}, body: JSON.stringify(body) })),
      );
    case "jsm": {
      const headers = { authorization: `GenieKey ${key.value ?? ""}` };
      return ok(
        jsm(message).map(({ part, path, body }) => ({
          part,
          url: url.value.replace(/\/+$/, "") + path,
          headers,
          body: JSON.stringify(body),
        })),
      );
    }
    default:
      return err(`unknown preset ${String(preset)}`);
  }
}

/**
 * Adds a signature. The receiver computes HMAC-SHA256 of `TIMESTAMP.BODY` with the shared key, compares it with
 * `X-Sup-Signature`, and refuses old time stamps. If a message is sent again, its `X-Sup-Delivery` does not change.
 */
function signed(url: string, body: string, message: Message, secret: string | null, headers: Record<string, string>): NamedRequest {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = secret === null ? null : new Bun.CryptoHasher("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return {
    part: "",
    url,
    body,
    headers: {
      ...headers,
      "x-sup-delivery": message.key,
      "x-sup-timestamp": timestamp,
      ...(signature !== null && { "x-sup-signature": `sha256=${signature}` }),
    },
  };
}

import { openNotifier } from "../../../src/adapters/notifications/index.ts";
import type { Message, Notice } from "../../../src/core/notifications/message.ts";
import type { SendResult } from "../../../src/ports/notifier.ts";
import type { ChannelSpec, EmailChannel, ExecChannel, SmsChannel, WebhookChannel } from "../../../src/spec/notifications.ts";

export const aNotice = (more: Partial<Notice> = {}): Notice => ({
  ...{ episode: "7-abc", what: "begin", unit: "web", type: "failed", severity: "warning", message: "it is fatal: exit code 3" },
  ...{ since: "2026-05-01T03:12:05.000Z", until: null, sinceText: "03:12:05 UTC", untilText: null, ending: null },
  ...{ affected: ["api", "shop"], next: ["Nothing automatically."], lines: ["listening", "out of memory"] },
  ...more,
});

export const ended = (more: Partial<Notice> = {}): Notice =>
  aNotice({ what: "end", until: "2026-05-01T03:20:00.000Z", untilText: "03:20:00 UTC", ending: "recovered", ...more });

export const aMessage = (notices: readonly Notice[] = [aNotice()], more: Partial<Message> = {}): Message => ({
  ...{ key: "12-xyz", host: "alpha", at: "2026-05-01T03:12:35.000Z", page: "https://sup.example.org", notices },
  ...more,
});

/** Text as a service may produce it: mentions, markup, control characters were removed before, wide characters, far too long. */
export const HOSTILE = `@everyone <!channel> <script>alert(1)</script> *bold* \`\`\` 日本語 😀 ${"x".repeat(50_000)}`;

export const hostileMessage = (): Message =>
  aMessage(
    Array.from({ length: 49 }, (_, i) =>
      aNotice({
        episode: `${i}-abc`,
        unit: `web${i}`,
        message: HOSTILE,
        lines: [HOSTILE, HOSTILE],
        affected: Array.from({ length: 200 }, (_unused, n) => `unit${n}`),
      }),
    ),
  );

const BASE = { name: "ops", rateLimit: { messages: 5, perMs: 600_000 }, maxAgeMs: 86_400_000, timeoutMs: 5000 } as const;

export const webhook = (url: WebhookChannel["url"], more: Partial<WebhookChannel> = {}): WebhookChannel => ({ ...BASE, type: "webhook", preset: "generic", url, secret: null, key: null, topic: null, ...more }); // prettier-ignore
export const sms = (baseUrl: string, more: Partial<SmsChannel> = {}): SmsChannel => ({ ...BASE, type: "sms", baseUrl, account: "AC123", token: { env: "SUP_TEST_TOKEN" }, from: "+15550001", messagingService: null, to: ["+15551111"], ...more }); // prettier-ignore
export const email = (port: number, more: Partial<EmailChannel> = {}): EmailChannel => ({ ...BASE, type: "email", host: "127.0.0.1", port, security: "starttls", user: null, password: null, from: "sup@example.org", to: ["ops@example.org"], insecureTls: true, ...more }); // prettier-ignore
export const command = (path: string, more: Partial<ExecChannel> = {}): ExecChannel => ({ ...BASE, type: "exec", command: path, args: [], user: null, group: null, ...more }); // prettier-ignore

/** Sends on a channel that is no command. */
export function send(
  channel: ChannelSpec,
  message = aMessage(),
  { done = [], parts = [], timeoutMs = 3000 }: { done?: readonly string[]; parts?: string[]; timeoutMs?: number } = {},
): Promise<SendResult> {
  const notifier = openNotifier({ version: "1.2.3", processes: {} as never, epoll: {} as never, scratch: "/nonexistent" });
  return notifier.send({ channel, message, done, onPart: (part) => void parts.push(part), signal: AbortSignal.timeout(timeoutMs) });
}

import { createTransport } from "nodemailer";
import { bodyOf, clip, titleOf, toneOf, type Message } from "../../core/notifications/message.ts";
import type { Attempt, SendResult } from "../../ports/notifier.ts";
import type { EmailChannel } from "../../spec/notifications.ts";
import type { Secrets } from "./secrets.ts";

/**
 * Sends a mail by SMTP. If the connection breaks after the text was sent, it is unknown whether the server has received the
 * mail. The mail is then sent again with the same Message-ID, by which many servers and programs recognise duplicates.
 */
export async function sendEmail(channel: EmailChannel, { message, signal }: Attempt, secrets: Secrets): Promise<SendResult> {
  const password = channel.password === null ? null : secrets.read(channel.password);
  if (password?.ok === false) return { ok: false, kind: "temporary", detail: password.error, retryAfterMs: null };
  const { host, port, security, user, timeoutMs } = channel;
  const transport = createTransport({
    host,
    port,
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    tls: { rejectUnauthorized: !channel.insecureTls },
    ...(user !== null && { auth: { user, pass: password?.value ?? "" } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // Text of a service must not cause a file or a URL to be attached.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { accepted, rejected } = await transport.sendMail({ ...mailOf(channel, message), signal });
    const refused = rejected.length === 0 ? "" : `; refused: ${rejected.map(String).join(", ")}`;
    return { ok: true, detail: `accepted for ${accepted.map(String).join(", ")}${refused}` };
  } catch (error) {
    return signal.aborted
      ? { ok: false, kind: "temporary", detail: `no answer from ${host}:${port} in time`, retryAfterMs: null }
      : failed(error, `${host}:${port}`);
  } finally {
    transport.close();
  }
}

/**
 * Classifies a failure. 5xx is permanent, except for errors such as refused authentication, which an administrator can fix
 * without a change of the message.
 */
function failed(error: unknown, where: string): SendResult {
  const { responseCode, response, message, code } = error as {
    readonly responseCode?: number;
    readonly response?: string;
    readonly message: string;
    readonly code?: string;
  };
  const isPermanent = responseCode !== undefined && responseCode >= 500 && (code === "EENVELOPE" || code === "EMESSAGE");
  const detail = `${where}: ${(response ?? message).replace(/\s+/g, " ").slice(0, 300)}`;
  return { ok: false, kind: isPermanent ? "permanent" : "temporary", detail, retryAfterMs: null };
}

const MARKS = { bad: "[critical] ", warning: "", good: "[ok] ", plain: "" } as const;

export function mailOf({ from, to }: Pick<EmailChannel, "from" | "to">, message: Message) {
  const subject = oneLine(clip(`${MARKS[toneOf(message)]}${titleOf(message)}`, 200));
  const text = [titleOf(message), "", ...bodyOf(message), ""].join("\n");
  const domain = domainOf(from);
  // The mails about one episode form a thread. Its root is a message that does not exist.
  const references = message.notices.slice(0, 20).map(({ episode }) => `<episode.${token(episode)}.${token(message.host)}@${domain}>`);
  return {
    from,
    to: [...to],
    subject,
    text,
    html: htmlOf(message),
    messageId: `<${token(message.key)}.${token(message.host)}@${domain}>`,
    references,
    inReplyTo: references[0],
    date: new Date(message.at),
    headers: { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" },
  };
}

/** CR and LF would begin another header. */
const oneLine = (text: string): string => text.replace(/[\r\n\0]+/g, " ");
const token = (text: string): string => text.replace(/[^A-Za-z0-9.-]/g, "-");
const domainOf = (address: string): string => token(address.slice(address.lastIndexOf("@") + 1));

const COLORS = { bad: "#b91c1c", warning: "#b45309", good: "#15803d", plain: "#374151" } as const;

function htmlOf(message: Message): string {
  const body = bodyOf(message).map(Bun.escapeHTML).join("\n");
  const page = message.page === null ? "" : `<p><a href="${Bun.escapeHTML(message.page)}">Open sup</a></p>`;
  const color = COLORS[toneOf(message)];
  return `<!doctype html><html><body style="font-family:sans-serif"><h3 style="color:${color}">${Bun.escapeHTML(titleOf(message))}</h3><pre style="white-space:pre-wrap">${body}</pre>${page}</body></html>`;
}

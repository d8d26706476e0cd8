import { bodyOf, clip, severityOf, textOf, titleOf, toneOf, type Message, type Notice } from "../../core/notifications/message.ts";

/** The formats of chat services. Each function returns the body of a request. */

/** Slack shows at most 40,000 characters and recommends 4,000. `&`, `<` and `>` begin markup, including mentions such as `<!channel>`. */
export function slack(message: Message): Record<string, unknown> {
  const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const title = escape(clip(titleOf(message), 300));
  const body = escape(clip(bodyOf(message).join("\n"), 3400));
  return { text: `${ICONS[toneOf(message)]} *${title}*\n${body}`, unfurl_links: false, unfurl_media: false, link_names: false };
}

const ICONS = { bad: ":rotating_light:", warning: ":warning:", good: ":white_check_mark:", plain: ":bell:" } as const;

/**
 * Discord refuses more than 2,000 characters. Without `allowed_mentions`, an output line that contains @everyone would notify
 * everybody.
 */
export const discord = (message: Message): Record<string, unknown> => ({
  content: clip(`**${titleOf(message)}**\n${bodyOf(message).join("\n")}`, 2000),
  allowed_mentions: { parse: [] },
});

/**
 * Returns an adaptive card, as the Teams workflow "post to a channel when a webhook request is received" expects it. The
 * maximum is 28 KB.
 */
export function teams(message: Message): Record<string, unknown> {
  const text = (words: string, more: Record<string, unknown> = {}) => ({ type: "TextBlock", text: words, wrap: true, ...more });
  const color = { bad: "Attention", warning: "Warning", good: "Good", plain: "Default" }[toneOf(message)];
  const body = [
    text(clip(titleOf(message), 300), { weight: "Bolder", size: "Medium", color }),
    // In a text block, a single line break is shown as a blank.
    text(clip(bodyOf(message).join("\n\n"), 6000), { fontType: "Monospace", size: "Small" }),
  ];
  const actions = message.page === null ? [] : [{ type: "Action.OpenUrl", title: "Open sup", url: message.page }];
  const card = { $schema: "http://adaptivecards.io/schemas/adaptive-card.json", type: "AdaptiveCard", version: "1.4", body, actions };
  return { type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content: card }] };
}

const PRIORITIES = { bad: 5, warning: 4, good: 3, plain: 3 } as const;
const TAGS = { bad: "rotating_light", warning: "warning", good: "white_check_mark", plain: "bell" } as const;

/** ntfy turns a message of more than 4,096 bytes into an attachment. The title is in the JSON, because headers can contain only ASCII. */
export const ntfy = (message: Message, topic: string): Record<string, unknown> => ({
  topic,
  title: clip(titleOf(message), 250),
  message: clipBytes(bodyOf(message).join("\n"), 3900),
  priority: PRIORITIES[toneOf(message)],
  tags: [TAGS[toneOf(message)]],
  ...(message.page !== null && { click: message.page }),
});

function clipBytes(text: string, most: number): string {
  let clipped = text;
  while (Buffer.byteLength(clipped) > most) clipped = clip(clipped, Math.floor(clipped.length * 0.9));
  return clipped;
}

/** sup's own format. New keys may be added without notice. `version` changes if a key changes its meaning. */
export const generic = (message: Message): Record<string, unknown> => ({
  version: 1,
  key: message.key,
  host: message.host,
  at: message.at,
  severity: severityOf(message),
  title: titleOf(message),
  text: textOf(message),
  page: message.page,
  notices: message.notices.map(noticeJson),
});

const noticeJson = ({ episode, what, unit, type, severity, message, since, until, ending, affected, next, lines }: Notice) => ({
  ...{ episode, what, unit: unit === "" ? null : unit, alert_type: type, severity, message },
  ...{ since, until, ending, affected, next, last_lines: lines },
});

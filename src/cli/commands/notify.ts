import { EXIT } from "../../api/contract/errors.ts";
import type { Notification, NotificationChannel, NotificationExplanation } from "../../api/contract/shapes.ts";
import { parseDuration } from "../../base/duration.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Context, Run } from "../context.ts";
import { layOut, type Column } from "../render/columns.ts";
import { safe, safeCell } from "../render/safe.ts";
import { tableOptions, type TableStyle } from "../render/status-table.ts";
import { relative, shortTime } from "../render/time.ts";
import { parseTime } from "../parse/time.ts";
import { WHEN_HINT } from "./logs.ts";
import { styleOf } from "./status.ts";

/** `sup notify`, `sup notify list|test|retry|drop|silence|explain|simulate`. */
export const run: Run = async (context) => {
  const [action = "list", ...rest] = context.args;
  const known = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
  if (known === undefined)
    return context.fail({
      code: "bad-request",
      message: `notify cannot ${action}`,
      hint: `it has ${Object.keys(ACTIONS).join(", ")}; see \`sup help notify\``,
    });
  return known(context, rest);
};

const ACTIONS = { list, test, retry, drop, silence, explain, simulate } as const;

const SHOWN = 20;

async function list(context: Context): Promise<number> {
  const answer = await context.client.call("notifications", { limit: context.options.lines ?? SHOWN });
  if (!answer.ok) return context.fail(answer.error);
  const { channels, messages, notes, silenced_until } = answer.value;
  if (context.options.json) {
    context.json(answer.value);
    return EXIT.done;
  }
  const style = styleOf(context);
  if (channels.length === 0) context.out("There are no channels. Add `notifications` to sup.json and run `sup reload`.");
  else context.out(channelTable(channels, style));
  if (messages.length > 0) context.out(`\n${messageTable(messages, style)}`);
  if (silenced_until !== null) context.note(`! nothing is sent before ${shortTime(silenced_until, style.now)} (sup notify silence off)`);
  for (const note of notes) context.note(`! ${safe(note)}`);
  return EXIT.done;
}

const CHANNELS: readonly Column[] = [
  { title: "CHANNEL" },
  { title: "KIND" },
  { title: "STATE" },
  { title: "PENDING", align: "right" },
  { title: "SENT", align: "right" },
  { title: "GIVEN UP", align: "right" },
  { title: "LAST SENT" },
  { title: "" },
];

function channelTable(channels: readonly NotificationChannel[], style: TableStyle): string {
  const rows = channels.map(({ name, kind, trouble, last_error, pending, sent, failed, last_sent_at, retry_at }) => [
    { text: safeCell(name), paint: (text: string) => style.paint("bold", text) },
    { text: kind },
    trouble !== null
      ? { text: "failing", paint: (text: string) => style.paint("red", text) }
      : {
          text: last_error !== null ? "retrying" : "ok",
          paint: (text: string) => style.paint(last_error !== null ? "yellow" : "green", text),
        },
    { text: String(pending) },
    { text: String(sent) },
    { text: String(failed) },
    { text: last_sent_at === null ? "" : relative(last_sent_at, style.now) },
    {
      text:
        last_error === null ? "" : safeCell(`${last_error}${retry_at === null ? "" : `; next attempt ${relative(retry_at, style.now)}`}`),
    },
  ]);
  return layOut(CHANNELS, rows, tableOptions(style)).join("\n");
}

const MESSAGES: readonly Column[] = [
  { title: "ID", align: "right" },
  { title: "AT" },
  { title: "CHANNEL" },
  { title: "STATE" },
  { title: "MESSAGE" },
  { title: "" },
];
const COLORS = { pending: "yellow", sent: "green", failed: "red", dropped: "dim" } as const;
const WORDS = { pending: "pending", sent: "sent", failed: "given up", dropped: "dropped" } as const;

function messageTable(messages: readonly Notification[], style: TableStyle): string {
  const rows = messages.map(({ id, channel, state, title, created_at, attempts, last_error }) => [
    { text: String(id) },
    { text: shortTime(created_at, style.now) },
    { text: safeCell(channel) },
    { text: WORDS[state], paint: (text: string) => style.paint(COLORS[state], text) },
    { text: safeCell(title) },
    {
      text:
        state === "sent" || last_error === null ? "" : safeCell(`${attempts} ${attempts === 1 ? "attempt" : "attempts"}: ${last_error}`),
    },
  ]);
  return layOut(MESSAGES, rows, tableOptions(style)).join("\n");
}

async function test(context: Context, [channel]: readonly string[]): Promise<number> {
  const answer = await context.client.call("notificationTest", channel === undefined ? {} : { channel });
  if (!answer.ok) return context.fail(answer.error);
  if (context.options.json) context.json(answer.value);
  else
    for (const { channel: name, ok, detail } of answer.value)
      context.out(`${context.paint(ok ? "green" : "red", ok ? "sent" : "failed")} ${context.paint("bold", safe(name))}: ${safe(detail)}`);
  return answer.value.every(({ ok }) => ok) ? EXIT.done : EXIT.failed;
}

/** Splits the targets into ids of messages and names of channels. Without targets, all messages are selected. */
const targetsOf = (targets: readonly string[]) => ({
  ids: targets.filter((text) => /^\d+$/.test(text)).map(Number),
  channels: targets.filter((text) => !/^\d+$/.test(text)),
});

async function retry(context: Context, targets: readonly string[]): Promise<number> {
  const answer = await context.client.call("notificationRetry", targetsOf(targets));
  if (!answer.ok) return context.fail(answer.error);
  return count(context, answer.value, answer.value.retried, "will be tried again now");
}

async function drop(context: Context, targets: readonly string[]): Promise<number> {
  if (targets.length === 0)
    return context.fail({
      code: "bad-request",
      message: "drop needs ids of messages or names of channels",
      hint: "`sup notify list` shows them",
    });
  const answer = await context.client.call("notificationDrop", targetsOf(targets));
  if (!answer.ok) return context.fail(answer.error);
  return count(context, answer.value, answer.value.dropped, "dropped");
}

/** `sup notify silence`, `silence 30m`, `silence off`. */
async function silence(context: Context, [length = "1h"]: readonly string[]): Promise<number> {
  const ms = length === "off" ? 0 : parseDuration(length);
  if (ms === undefined)
    return context.fail({ code: "bad-request", message: `cannot read ${length} as a duration`, hint: "for example 30m, 2h or off" });
  const answer = await context.client.call("notificationSilence", { seconds: ms / 1000 });
  if (!answer.ok) return context.fail(answer.error);
  const { silenced_until: until } = answer.value;
  if (context.options.json) context.json(answer.value);
  else if (!context.options.quiet)
    context.out(until === null ? "messages are sent again" : `nothing is sent before ${shortTime(until, context.host.now())}`);
  return EXIT.done;
}

function count(context: Context, value: unknown, number: number, what: string): number {
  if (context.options.json) context.json(value);
  else if (!context.options.quiet) context.out(`${number} ${number === 1 ? "message" : "messages"} ${what}`);
  return EXIT.done;
}

async function explain(context: Context, [unit]: readonly string[]): Promise<number> {
  if (unit === undefined)
    return context.fail({
      code: "bad-request",
      message: "explain needs the name of a unit",
      hint: "for example: `sup notify explain web --type memory-limit`",
    });
  const { type } = context.options;
  const answer = await context.client.call("notificationExplain", { unit: stripSuffix(unit), ...(type !== undefined && { type }) });
  if (!answer.ok) return context.fail(answer.error);
  if (context.options.json) context.json(answer.value);
  else context.out(describe(answer.value, context));
  return EXIT.done;
}

function describe({ unit, alert_type, severity, channels, title, text }: NotificationExplanation, { paint }: Context): string {
  const lines = channels.map(
    ({ channel, sends, words }) => `  ${paint(sends ? "green" : "dim", sends ? "✓" : "–")} ${safe(channel)}: ${safe(words)}`,
  );
  const shown = [title, ...text.split("\n")].map((line) => `  ${safe(line)}`);
  return [
    `${paint("bold", safe(unit))}, alert ${safe(alert_type)}, severity ${severity}. Nothing was sent.`,
    "",
    paint("bold", "Channels"),
    ...(lines.length === 0 ? ["  none"] : lines),
    "",
    paint("bold", "The message would be"),
    ...shown,
  ].join("\n");
}

async function simulate(context: Context): Promise<number> {
  const { options, host } = context;
  const since = options.since === undefined ? undefined : parseTime(options.since, host.now());
  if (options.since !== undefined && since === undefined)
    return context.fail({ code: "bad-request", message: `cannot read --since ${options.since} as a time`, hint: WHEN_HINT });
  const answer = await context.client.call("notificationSimulate", since === undefined ? {} : { since: new Date(since).toISOString() });
  if (!answer.ok) return context.fail(answer.error);
  const { alerts, channels, since: from } = answer.value;
  if (options.json) {
    context.json(answer.value);
    return EXIT.done;
  }
  context.out(`${alerts} ${alerts === 1 ? "alert" : "alerts"} since ${shortTime(from, host.now())}. Nothing was sent.`);
  for (const { channel, messages, first } of channels) {
    context.out(`\n${context.paint("bold", safe(channel))}: ${messages} ${messages === 1 ? "message" : "messages"}`);
    for (const { at, title } of first) context.out(`  ${shortTime(at, host.now())}  ${safe(title)}`);
    if (messages > first.length) context.out(`  … and ${messages - first.length} more`);
  }
  return EXIT.done;
}

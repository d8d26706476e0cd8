import type { ChannelSpec, NotificationSettings, RuleSpec } from "../../../src/spec/notifications.ts";
import type { SpecParts } from "../fixtures.ts";
import { staged, type Stage } from "../world/stage.ts";

export const SECOND = 1000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

export const channel = (name: string, more: Partial<ChannelSpec> = {}): ChannelSpec =>
  ({
    ...{ type: "webhook", preset: "generic", url: "http://127.0.0.1:1/", secret: null, key: null, topic: null, name },
    ...{ rateLimit: { messages: 5, perMs: 600_000 }, maxAgeMs: 86_400_000, timeoutMs: 15_000 },
    ...more,
  }) as ChannelSpec;

export const rule = (channels: readonly string[], more: Partial<RuleSpec> = {}): RuleSpec => ({
  ...{ channels, events: [], severity: "warning", units: [], groups: [], labels: {}, recovery: true },
  ...{ groupWaitMs: 30_000, repeatAfterMs: 4 * HOUR, digestMs: null, quietHours: null },
  ...more,
});

export const settings = (
  rules: readonly RuleSpec[] = [rule(["ops"])],
  more: Record<string, Partial<ChannelSpec>> = {},
): NotificationSettings => ({
  channels: Object.fromEntries([...new Set(rules.flatMap(({ channels }) => channels))].map((name) => [name, channel(name, more[name])])),
  rules,
});

/** A stage whose units are started and whose alerts lead to messages. */
export function notified(units: Record<string, SpecParts>, given: NotificationSettings = settings(), wallMs = 0): Stage {
  const stage = staged(units).start(...Object.keys(units));
  stage.wallMs = wallMs;
  stage.post({ type: "resumed", open: [], lastId: 0 });
  return stage.post({ type: "notifications", settings: given, open: [], stored: [], wallMs });
}

/** `ops: begin web failing, end db failed`, one line for each message since the last call. */
export const told = (stage: Stage): string[] =>
  stage.outbox
    .splice(0)
    .map(({ channel: to, notices }) => `${to}: ${notices.map(({ what, unit, type }) => `${what} ${unit || "sup"} ${type}`).join(", ")}`);

/** The unit fails, and so do its retries. */
export function breakDown(stage: Stage, ...ids: string[]): Stage {
  for (const id of ids) stage.broken.add(id);
  for (const id of ids) stage.exits(id, 1);
  return stage;
}

import { globMatcher } from "../../base/names.ts";
import { SEVERITIES, type Severity } from "../../base/words.ts";
import type { NotificationSettings, RuleSpec } from "../../spec/notifications.ts";
import type { Spec } from "../../spec/spec.ts";

/** The properties of an alert by which rules can select it. `spec` is undefined for the daemon itself and for a unit that was removed. */
export interface Subject {
  /** The unit's id; "" is the daemon. */
  readonly unit: string;
  readonly type: string;
  readonly severity: Severity;
  readonly spec: Pick<Spec, "service" | "groups" | "labels" | "notify"> | undefined;
}

/** The settings that decide when a channel gets its messages. */
export type Timing = Pick<RuleSpec, "groupWaitMs" | "repeatAfterMs" | "digestMs" | "quietHours" | "recovery">;

/** The prefix of the alert type of a failing channel. The rest of the type is the channel's name. */
export const CHANNEL_ALERT = "channel-";

export interface Route {
  readonly channel: string;
  readonly timing: Timing;
  /** Index of the rule that selected the channel, or null if `notify` of the unit file selected it. */
  readonly rule: number | null;
}

/** The timing of a channel that is not selected by any rule. These values are also the defaults of a rule. */
export const DEFAULT_TIMING: Timing = { groupWaitMs: 30_000, repeatAfterMs: 14_400_000, digestMs: null, quietHours: null, recovery: true };

/**
 * Returns the channels that get this alert. If several rules match, the first one decides the timing of a channel. `notify`
 * of a unit file restricts its channels. If `notify` names a channel that no rule names, the channel gets every alert of the
 * unit. An alert about a failing channel is never sent to that channel.
 */
export function routesOf({ channels, rules }: NotificationSettings, subject: Subject): Route[] {
  const routes = new Map<string, Route>();
  const notify = subject.spec?.notify ?? null;
  const add = (channel: string, timing: Timing, rule: number | null): void => {
    const isWanted = notify === null || notify.includes(channel);
    const exists = Object.hasOwn(channels, channel) && subject.type !== CHANNEL_ALERT + channel;
    if (isWanted && exists && !routes.has(channel)) routes.set(channel, { channel, timing, rule });
  };
  for (const [index, rule] of rules.entries()) {
    if (!selects(rule, subject)) continue;
    for (const channel of rule.channels) add(channel, rule, index);
  }
  for (const channel of notify ?? []) if (!rules.some((rule) => rule.channels.includes(channel))) add(channel, DEFAULT_TIMING, null);
  return [...routes.values()];
}

function selects(rule: RuleSpec, { unit, type, severity, spec }: Subject): boolean {
  if (SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(rule.severity)) return false;
  if (rule.events.length > 0 && !rule.events.some((glob) => globMatcher(glob)(type))) return false;
  if (rule.units.length > 0 && !rule.units.some((glob) => globMatcher(glob)(unit) || globMatcher(glob)(spec?.service ?? unit)))
    return false;
  if (rule.groups.length > 0 && !rule.groups.some((group) => spec?.groups.includes(group))) return false;
  return Object.entries(rule.labels).every(([name, value]) => spec?.labels[name] === value);
}

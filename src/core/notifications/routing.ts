import { globMatcher } from "../../base/names.ts";
import { SEVERITIES, type Severity } from "../../base/words.ts";
import type { NotificationSettings, RuleSpec } from "../../spec/notifications.ts";
import type { Spec } from "../../spec/spec.ts";

/** An alert, as far as rules can select it. `spec` is undefined for the daemon itself and for a unit that was removed. */
export interface Subject {
  /** The unit's id; "" is the daemon. */
  readonly unit: string;
  readonly type: string;
  readonly severity: Severity;
  readonly spec: Pick<Spec, "service" | "groups" | "labels" | "notify"> | undefined;
}

/** When a channel gets its messages. */
export type Timing = Pick<RuleSpec, "groupWaitMs" | "repeatAfterMs" | "digestMs" | "quietHours" | "recovery">;

/** The prefix of the alert type of a channel that fails. The rest is the channel's name. */
export const CHANNEL_ALERT = "channel-";

export interface Route {
  readonly channel: string;
  readonly timing: Timing;
  /** Index of the rule that decided, or null if it was `notify` of the unit file. */
  readonly rule: number | null;
}

/** The timing of a channel that no rule selects. These are also the defaults of a rule. */
export const DEFAULT_TIMING: Timing = { groupWaitMs: 30_000, repeatAfterMs: 14_400_000, digestMs: null, quietHours: null, recovery: true };

/**
 * Returns the channels that get this alert. Of several rules that match, the first one decides the timing of a channel.
 * `notify` of a unit file restricts its channels. A channel that `notify` names and no rule does gets every alert of the unit. An
 * alert about a failing channel never goes to that channel.
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

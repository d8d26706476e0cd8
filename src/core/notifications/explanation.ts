import { formatDuration } from "../../base/duration.ts";
import type { NotificationSettings } from "../../spec/notifications.ts";
import { quietUntilMs } from "./quiet-hours.ts";
import { routesOf, type Route, type Subject } from "./routing.ts";

/** Says whether a channel would get a message about an alert, and either when or why not. */
export interface ChannelVerdict {
  readonly channel: string;
  readonly sends: boolean;
  readonly words: string;
}

/** Explains what would happen to this alert with these settings. Sends nothing. */
export function explainChannels(settings: NotificationSettings, subject: Subject, wallMs: number): ChannelVerdict[] {
  const routes = new Map(routesOf(settings, subject).map((route) => [route.channel, route]));
  return Object.keys(settings.channels).map((channel) => {
    const route = routes.get(channel);
    if (route === undefined) return { channel, sends: false, words: whyNot(settings, subject, channel) };
    return { channel, sends: true, words: `${sourceOf(route)}: ${whenOf(route, subject, wallMs)}` };
  });
}

const sourceOf = ({ rule }: Route): string => (rule === null ? "`notify` of the unit" : `rule ${rule + 1}`);

function whenOf({ timing }: Route, { severity }: Subject, wallMs: number): string {
  const { groupWaitMs, digestMs, quietHours, repeatAfterMs, recovery } = timing;
  const quiet = quietHours === null || severity === "critical" ? null : quietUntilMs(quietHours, wallMs);
  const first =
    severity === "critical"
      ? "immediately"
      : digestMs !== null
        ? `in a digest, within ${formatDuration(digestMs)}`
        : groupWaitMs === 0
          ? "immediately"
          : `after ${formatDuration(groupWaitMs)}, with what happens meanwhile`;
  const later = quiet === null ? "" : `, but quiet hours last for another ${formatDuration(quiet - wallMs)}`;
  const repeats = repeatAfterMs === null ? "never repeated" : `repeated every ${formatDuration(repeatAfterMs)} while it lasts`;
  return `${first}${later}; ${repeats}; its end is ${recovery ? "" : "not "}reported`;
}

function whyNot({ rules }: NotificationSettings, { spec }: Subject, channel: string): string {
  const notify = spec?.notify ?? null;
  if (notify !== null && !notify.includes(channel)) return "`notify` of the unit does not name it";
  return rules.some((rule) => rule.channels.includes(channel)) ? "none of its rules selects this alert" : "no rule names it";
}

import { z } from "zod";
import { SEVERITIES } from "../../base/words.ts";
import { type ChannelSpec, type HeartbeatSpec, type NotificationSettings, PRESETS, type RuleSpec } from "../notifications.ts";
import { count, nonEmpty, said, seconds, words } from "./meta.ts";

/** The schema of `notifications` and `heartbeat` in the settings. */

export function notificationsSchema() {
  return z.strictObject({
    channels: said(
      "The channels by name, each with its `type`: `email`, `sms`, `webhook` or `exec`.",
      z
        .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be a name of letters, digits, _ . and -"), channel())
        .default({}),
    ),
    rules: said("Which alerts go to which channels, and when. Without rules, all alerts go to all channels.", z.array(rule()).optional()),
  });
}

export function heartbeatSchema() {
  return z.strictObject({
    url: said("URL to request: a string, or an object that names a file or a variable with the URL.", url()),
    interval: said("Seconds between requests.", seconds(5).default(60)),
    timeout: said("Seconds to wait for a response.", seconds(0.1).default(10)),
  });
}

const SECRET = 'must be {"file": "/path"} or {"env": "NAME"}, because secrets do not belong into the settings';

const secret = () =>
  z.union(
    [
      z.strictObject({ file: said("Path of a file whose first line is the value.", z.string().regex(/^\//, "must be an absolute path")) }),
      z.strictObject({ env: said("Name of a variable in the environment of the daemon.", nonEmpty()) }),
    ],
    { error: SECRET },
  );

const url = () =>
  z.union([z.string().regex(/^https?:\/\/[^\s@]+$/, "must be a URL without credentials"), secret()], {
    error: 'must be a URL that starts with http:// or https://, or {"file": "/path"} or {"env": "NAME"}',
  });

function channel() {
  return z.discriminatedUnion("type", [
    z.strictObject({ type: said(TYPE, z.literal("email")), ...emailKeys(), ...shared(30) }),
    z.strictObject({ type: said(TYPE, z.literal("sms")), ...smsKeys(), ...shared(15) }),
    z.strictObject({ type: said(TYPE, z.literal("webhook")), ...webhookKeys(), ...shared(15) }),
    z.strictObject({ type: said(TYPE, z.literal("exec")), ...execKeys(), ...shared(30) }),
  ]);
}

const TYPE =
  "`email`: SMTP. `sms`: the API of Twilio. `webhook`: a POST request with JSON. `exec`: a command with JSON on its standard input.";

const shared = (timeout: number) => ({
  rate_limit: said(
    "At most so many messages in so many seconds. What happens meanwhile is collected in the next message.",
    z
      .strictObject({
        messages: said("Number of messages.", count(1).default(5)),
        per: said("Seconds.", seconds(1).default(600)),
      })
      .prefault({}),
  ),
  max_age: said("Seconds after which a message that cannot be delivered is given up.", seconds(1).default(86_400)),
  timeout: said("Time limit for one attempt, in seconds.", seconds(0.1).default(timeout)),
});

/** CR and LF would start another header or command of SMTP. */
const address = () => z.string().regex(/^[^\s<>,;"]+@[^\s<>,;"]+$/, "must be an address such as ops@example.org");

const emailKeys = () => ({
  host: said("SMTP server.", nonEmpty()),
  port: said("Port of the SMTP server. The default is 587, with `tls` 465, with `none` 25.", count(1, 65_535).optional(), 587),
  security: said(
    "`starttls`: refuse to send without STARTTLS. `tls`: TLS from the first byte. `none`: no encryption, for a server on this machine.",
    z.enum(["starttls", "tls", "none"]).default("starttls"),
  ),
  user: said("User name for authentication.", nonEmpty().optional()),
  password: said("Password for authentication.", secret().optional()),
  from: said("Address of the sender.", address()),
  to: said("Addresses of the receivers.", z.array(address()).min(1).max(50)),
  insecure_tls: said("Accept any TLS certificate.", z.boolean().default(false)),
});

const phone = () => z.string().regex(/^\+[1-9]\d{5,14}$/, "must be a number such as +4915112345678");

const smsKeys = () => ({
  base_url: said(
    "Address of the API, for a provider that is compatible with Twilio.",
    z
      .string()
      .regex(/^https?:\/\/[^\s@]+$/, "must be a URL without credentials")
      .default("https://api.twilio.com"),
  ),
  account: said("Account SID.", nonEmpty()),
  token: said("Auth token.", secret()),
  from: said("Number or name of the sender.", nonEmpty().optional()),
  messaging_service: said("SID of a messaging service, in place of `from`.", nonEmpty().optional()),
  to: said("Numbers of the receivers.", z.array(phone()).min(1).max(50)),
});

const webhookKeys = () => ({
  preset: said("Format of the request: sup's own JSON, or that of a provider.", z.enum(PRESETS).default("generic")),
  url: said("Address. With `pagerduty` and `jsm` the provider's own by default.", url().optional()),
  secret: said("Key of the HMAC-SHA256 signature of `generic`.", secret().optional()),
  key: said("Routing key of `pagerduty`, API key of `jsm`, or access token of `ntfy`.", secret().optional()),
  topic: said(
    "Topic of `ntfy`.",
    z
      .string()
      .regex(/^[-_A-Za-z0-9]{1,64}$/, "must be a topic of letters, digits, _ and -")
      .optional(),
  ),
});

const execKeys = () => ({
  command: said("Absolute path of the command.", z.string().regex(/^\//, "must be an absolute path")),
  args: said("Arguments of the command.", words().default([])),
  user: said("User to run the command as. Needs root. The default is the daemon's user.", nonEmpty().optional()),
  group: said("Group to run the command as.", nonEmpty().optional()),
});

const time = () => z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 22:00");

function rule() {
  return z.strictObject({
    channels: said("Names of channels.", z.array(nonEmpty()).min(1)),
    events: said('Alert types such as `"failed"` or `"*-limit"`. The default is all.', words().default([])),
    severity: said("The lowest severity.", z.enum(SEVERITIES).default("warning")),
    units: said("Units and services, as names or globs. The default is all, and the daemon itself.", words().default([])),
    groups: said("Groups of units.", words().default([])),
    labels: said("Labels that a unit must have.", z.record(z.string(), z.string()).default({})),
    group_wait: said("Seconds to collect what happens together in one message.", seconds().default(30)),
    repeat_after: said("Seconds after which a problem that lasts is reported again; 0: never.", seconds().default(14_400)),
    digest: said("Seconds to collect everything in one message, in place of `group_wait`.", seconds(60).optional()),
    quiet_hours: said(
      "Hours without messages. What happened meanwhile is reported at their end. `critical` alerts are sent all the same.",
      z
        .strictObject({
          from: said("Begin, such as `22:00`.", time()),
          to: said("End, such as `07:00`.", time()),
          timezone: said(
            "Time zone such as `Europe/Berlin`. The default is the daemon's.",
            nonEmpty().refine(isTimezone, "must be a time zone such as Europe/Berlin").optional(),
          ),
        })
        .optional(),
    ),
    recovery: said("Also send a message when a reported problem has ended.", z.boolean().default(true)),
  });
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

type NotificationsFile = z.output<ReturnType<typeof notificationsSchema>>;
type ChannelFile = NotificationsFile["channels"][string];
type RuleFile = NonNullable<NotificationsFile["rules"]>[number];

/** What the schema cannot express, as [path below `notifications`, predicate]. */
export function notificationProblems({
  channels,
  rules,
}: NotificationsFile): Array<readonly [path: ReadonlyArray<string | number>, message: string]> {
  const problems: Array<readonly [ReadonlyArray<string | number>, string]> = [];
  for (const [name, one] of Object.entries(channels))
    for (const message of channelProblems(one)) problems.push([["channels", name], message]);
  for (const [index, one] of (rules ?? []).entries())
    for (const [at, name] of one.channels.entries())
      if (!Object.hasOwn(channels, name)) problems.push([["rules", index, "channels", at], `there is no channel "${name}"`]);
  return problems;
}

function channelProblems(file: ChannelFile): string[] {
  const missing = (key: string, value: unknown, why: string): string[] => (value === undefined ? [`"${key}" is missing: ${why}`] : []);
  const isPlain = (value: unknown): boolean => typeof value === "string";
  if (file.type === "sms")
    return file.from === undefined && file.messaging_service === undefined ? ['"from" or "messaging_service" is missing'] : [];
  if (file.type === "email")
    return (file.user === undefined) === (file.password === undefined) ? [] : ['"user" and "password" belong together'];
  if (file.type === "exec") return [];
  switch (file.preset) {
    case "generic":
      return missing("url", file.url, "it says where to send the message");
    case "ntfy":
      return [
        ...missing("url", file.url, "the address of the server, such as https://ntfy.sh"),
        ...missing("topic", file.topic, "the preset ntfy needs it"),
      ];
    case "pagerduty":
    case "jsm":
      return missing("key", file.key, `the preset ${file.preset} needs it`);
    default:
      return isPlain(file.url)
        ? [`"url" of the preset ${file.preset} is a secret: write {"file": "/path"} or {"env": "NAME"}`]
        : missing("url", file.url, "it says where to send the message");
  }
}

export function toNotifications(file: NotificationsFile | undefined): NotificationSettings {
  if (file === undefined) return { channels: {}, rules: [] };
  const channels = Object.fromEntries(Object.entries(file.channels).map(([name, one]) => [name, toChannel(name, one)]));
  const names = Object.keys(channels);
  const rules = file.rules ?? (names.length === 0 ? [] : [rule().parse({ channels: names })]);
  return { channels, rules: rules.map(toRule) };
}

const ms = (value: number): number => Math.round(value * 1000);

function toChannel(name: string, file: ChannelFile): ChannelSpec {
  const { rate_limit, max_age, timeout } = file;
  const base = {
    name,
    rateLimit: { messages: rate_limit.messages, perMs: ms(rate_limit.per) },
    maxAgeMs: ms(max_age),
    timeoutMs: ms(timeout),
  };
  switch (file.type) {
    case "email": {
      const { host, security, user = null, password = null, from, to, insecure_tls } = file;
      const port = file.port ?? { starttls: 587, tls: 465, none: 25 }[security];
      return { ...base, type: "email", host, port, security, user, password, from, to, insecureTls: insecure_tls };
    }
    case "sms": {
      const { base_url, account, token, from = null, messaging_service = null, to } = file;
      return { ...base, type: "sms", baseUrl: base_url.replace(/\/+$/, ""), account, token, from, messagingService: messaging_service, to };
    }
    case "webhook": {
      const { preset, url: target = null, secret: hmac = null, key = null, topic = null } = file;
      return { ...base, type: "webhook", preset, url: target, secret: hmac, key, topic };
    }
    case "exec":
      return { ...base, type: "exec", command: file.command, args: file.args, user: file.user ?? null, group: file.group ?? null };
  }
}

function toRule(file: RuleFile): RuleSpec {
  const { channels, events, severity, units, groups, labels, quiet_hours: quiet, recovery } = file;
  return {
    ...{ channels, events, severity, units, groups, labels, recovery },
    groupWaitMs: ms(file.group_wait),
    repeatAfterMs: file.repeat_after === 0 ? null : ms(file.repeat_after),
    digestMs: file.digest === undefined ? null : ms(file.digest),
    quietHours:
      quiet === undefined ? null : { fromMinute: minutes(quiet.from), toMinute: minutes(quiet.to), timezone: quiet.timezone ?? null },
  };
}

const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

export const toHeartbeat = (file: z.output<ReturnType<typeof heartbeatSchema>> | undefined): HeartbeatSpec | null =>
  file === undefined ? null : { url: file.url, intervalMs: ms(file.interval), timeoutMs: ms(file.timeout) };

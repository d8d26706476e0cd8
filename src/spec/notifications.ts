import type { Severity } from "../base/words.ts";

/** The settings of notifications. Times are in milliseconds. */
export interface NotificationSettings {
  readonly channels: Readonly<Record<string, ChannelSpec>>;
  readonly rules: readonly RuleSpec[];
}

/** Where a secret is. It is read at each use, and never stored or shown. `env` is a variable of the daemon's own environment. */
export type Secret = { readonly file: string } | { readonly env: string };

export type ChannelSpec = EmailChannel | SmsChannel | WebhookChannel | ExecChannel;

interface ChannelBase {
  readonly name: string;
  readonly rateLimit: RateLimit;
  /** A message that could not be delivered for this long is given up. */
  readonly maxAgeMs: number;
  /** Time limit for one attempt. */
  readonly timeoutMs: number;
}

export interface RateLimit {
  readonly messages: number;
  readonly perMs: number;
}

export interface EmailChannel extends ChannelBase {
  readonly type: "email";
  readonly host: string;
  readonly port: number;
  readonly security: "starttls" | "tls" | "none";
  readonly user: string | null;
  readonly password: Secret | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly insecureTls: boolean;
}

export interface SmsChannel extends ChannelBase {
  readonly type: "sms";
  readonly baseUrl: string;
  readonly account: string;
  readonly token: Secret;
  readonly from: string | null;
  readonly messagingService: string | null;
  readonly to: readonly string[];
}

export const PRESETS = ["generic", "slack", "discord", "teams", "ntfy", "pagerduty", "jsm"] as const;
export type Preset = (typeof PRESETS)[number];

export interface WebhookChannel extends ChannelBase {
  readonly type: "webhook";
  readonly preset: Preset;
  /** Null: the preset's own address. */
  readonly url: string | Secret | null;
  /** Key of the HMAC signature. */
  readonly secret: Secret | null;
  /** The provider's key: a routing key, an API key or an access token. */
  readonly key: Secret | null;
  readonly topic: string | null;
}

export interface ExecChannel extends ChannelBase {
  readonly type: "exec";
  readonly command: string;
  readonly args: readonly string[];
  readonly user: string | null;
  readonly group: string | null;
}

/** Selects alerts, and says to which channels and when they are sent. An empty list selects everything. */
export interface RuleSpec {
  readonly channels: readonly string[];
  /** Globs of alert types. */
  readonly events: readonly string[];
  readonly severity: Severity;
  /** Globs of unit ids and service names. */
  readonly units: readonly string[];
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly groupWaitMs: number;
  /** Null: never. */
  readonly repeatAfterMs: number | null;
  readonly digestMs: number | null;
  readonly quietHours: QuietHours | null;
  /** Also report the end of an episode. */
  readonly recovery: boolean;
}

/** Minutes since midnight. If `to` is not after `from`, the quiet hours last past midnight. */
export interface QuietHours {
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly timezone: string | null;
}

export interface HeartbeatSpec {
  readonly url: string | Secret;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

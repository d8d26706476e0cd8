import { z } from "zod";
import { SEVERITIES } from "../../../base/words.ts";
import { id, time } from "./common.ts";

export const notificationChannel = z.object({
  name: z.string(),
  /** The type of the channel: `email`, `sms`, `exec`, or the preset of a webhook. */
  kind: z.string(),
  /** Why messages cannot be sent, or null. */
  trouble: z.string().nullable(),
  last_error: z.string().nullable(),
  pending: z.number().int(),
  /** Numbers of messages since the daemon started. */
  sent: z.number().int(),
  failed: z.number().int(),
  last_sent_at: time.nullable(),
  /** When the channel is tried again after a failure, or null. */
  retry_at: time.nullable(),
});
export type NotificationChannel = z.infer<typeof notificationChannel>;

export const notification = z.object({
  id: z.number().int(),
  channel: z.string(),
  state: z.enum(["pending", "sent", "failed", "dropped"]),
  title: z.string(),
  text: z.string(),
  created_at: time,
  updated_at: time,
  attempts: z.number().int(),
  last_error: z.string().nullable(),
});
export type Notification = z.infer<typeof notification>;

export const notifications = z.object({
  channels: z.array(notificationChannel),
  /** The newest messages, oldest first. */
  messages: z.array(notification),
  /** Problems with the settings of notifications or with the heartbeat. */
  notes: z.array(z.string()),
  /** No message is sent before this time. */
  silenced_until: time.nullable(),
});
export type Notifications = z.infer<typeof notifications>;

export const notificationTests = z.array(z.object({ channel: z.string(), ok: z.boolean(), detail: z.string() }));
export type NotificationTests = z.infer<typeof notificationTests>;

export const notificationExplanation = z.object({
  unit: id,
  alert_type: z.string(),
  severity: z.enum(SEVERITIES),
  channels: z.array(z.object({ channel: z.string(), sends: z.boolean(), words: z.string() })),
  /** The message as it would be sent now. */
  title: z.string(),
  text: z.string(),
});
export type NotificationExplanation = z.infer<typeof notificationExplanation>;

export const notificationSimulation = z.object({
  since: time,
  /** Number of alerts that were opened since the time `since`. */
  alerts: z.number().int(),
  channels: z.array(
    z.object({ channel: z.string(), messages: z.number().int(), first: z.array(z.object({ at: time, title: z.string() })) }),
  ),
});
export type NotificationSimulation = z.infer<typeof notificationSimulation>;

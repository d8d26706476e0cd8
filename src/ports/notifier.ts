import type { Message } from "../core/notifications/message.ts";
import type { ChannelSpec, HeartbeatSpec } from "../spec/notifications.ts";

/** `temporary`: try again, but not before `retryAfterMs` has passed, if the provider sent it. `permanent`: the provider refuses this message. */
export type SendResult =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly kind: "temporary" | "permanent"; readonly detail: string; readonly retryAfterMs: number | null };

/**
 * One attempt to deliver a message. Some providers get it in parts, for example one for each receiver. `done` are the parts that
 * earlier attempts delivered, and `onPart` is called after each part that this attempt has delivered.
 */
export interface Attempt {
  readonly channel: ChannelSpec;
  readonly message: Message;
  readonly done: readonly string[];
  readonly onPart: (part: string) => void;
  readonly signal: AbortSignal;
}

/** Delivers messages. Neither method rejects, and no result contains a secret. */
export interface Notifier {
  send(attempt: Attempt): Promise<SendResult>;
  /** Requests the URL of the heartbeat once. */
  beat(heartbeat: HeartbeatSpec, signal: AbortSignal): Promise<SendResult>;
}

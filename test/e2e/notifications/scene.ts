import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Notifications } from "../../../src/api/contract/shapes.ts";
import type { Daemon } from "../../harness/daemon.ts";
import type { receiver } from "../../harness/http-receiver.ts";
import { until } from "../../harness/until.ts";

/** A rule that waits for nothing. */
export const atOnce = (...channels: string[]) => ({ channels, group_wait: 0 });

/** Settings with one generic webhook `ops`, which hears of everything at once. */
export const withOps = (url: string, more: Record<string, unknown> = {}) => ({
  notifications: { channels: { ops: { type: "webhook", url, ...more } }, rules: [atOnce("ops")] },
});

/** A unit that has failed for good as soon as it is started. */
export const FAILS = { command: "/bin/sh", args: ["-c", "echo out of luck; exit 3"], auto_restart: false } as const;

export interface Got {
  readonly key: string;
  readonly title: string;
  readonly text: string;
  readonly notices: ReadonlyArray<{
    readonly what: string;
    readonly unit: string | null;
    readonly alert_type: string;
    readonly episode: string;
  }>;
}

/** What the generic webhook received, in order: `begin web`. */
export const heard = ({ received }: Pick<ReturnType<typeof receiver>, "received">): string[] =>
  received.flatMap(({ text }) => (JSON.parse(text) as Got).notices.map(({ what, unit }) => `${what} ${unit ?? "sup"}`));

export const list = async (daemon: Daemon): Promise<Notifications> => (await daemon.json("notify", "list")) as Notifications;

/** Waits until each message of the outbox is settled. */
export const settled = (daemon: Daemon): Promise<unknown> =>
  until(async () => (await list(daemon)).messages.every(({ state }) => state !== "pending"), { what: "every message to be settled" });

/** Changes the settings file and applies it. */
export async function resettle(daemon: Daemon, settings: Record<string, unknown>): Promise<void> {
  writeFileSync(join(daemon.home, "sup.json"), JSON.stringify({ api: { port: 0 }, ...settings }));
  const { code, stderr } = await daemon.sup("reload");
  if (code !== 0) throw new Error(stderr);
}

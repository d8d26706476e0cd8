import type * as shape from "../../../src/api/contract/shapes.ts";
import type { NotificationQueries } from "../../../src/api/server/supervisor.ts";
import { ok } from "../../../src/base/result.ts";

const NOW_ISO = "2026-05-01T12:00:00.000Z";

/** Notifications with one channel and one message, which record their calls. */
export function fakeNotifications(calls: unknown[][]): NotificationQueries {
  const aMessage: shape.Notification = {
    ...{ id: 1, channel: "ops", state: "sent", title: "web failed", text: "web failed", attempts: 1, last_error: null },
    ...{ created_at: NOW_ISO, updated_at: NOW_ISO },
  };
  return {
    async list(limit) {
      calls.push(["notifications", limit]);
      const state = { trouble: null, last_error: null, pending: 0, sent: 1, failed: 0, last_sent_at: NOW_ISO, retry_at: null };
      return { channels: [{ name: "ops", kind: "slack", ...state }], messages: [aMessage], notes: [], silenced_until: null };
    },
    async test(channel) {
      calls.push(["test", channel]);
      return ok([{ channel: channel ?? "ops", ok: true, detail: "HTTP 200" }]);
    },
    async retry(...args) {
      calls.push(["retry", ...args]);
      return ok(1);
    },
    async drop(...args) {
      calls.push(["drop", ...args]);
      return ok(1);
    },
    async silence(ms) {
      calls.push(["silence", ms]);
      return NOW_ISO;
    },
    async explain(unit, type) {
      calls.push(["explain", unit, type]);
      const channels = [{ channel: "ops", sends: true, words: "rule 1: immediately" }];
      return ok({ unit, alert_type: type, severity: "warning", channels, title: "web", text: "Cause" });
    },
    async simulate(sinceMs) {
      calls.push(["simulate", sinceMs]);
      return {
        since: new Date(sinceMs).toISOString(),
        alerts: 2,
        channels: [{ channel: "ops", messages: 1, first: [{ at: NOW_ISO, title: "web" }] }],
      };
    },
  };
}

import { signal } from "@preact/signals";
import type { Alert } from "../../api/contract/shapes.ts";
import { SEVERITIES } from "../../base/words.ts";
import { request } from "./api.ts";
import { onChange } from "./live.ts";
import { showToast } from "./toasts.ts";

/** The open alerts, the most severe first and then the newest. They are loaded again whenever the stream reports an alert. */
export const openAlerts = signal<readonly Alert[]>([]);

/** A counter that changes when an alert opens or resolves, so that lists of resolved alerts can be loaded again. */
export const alertsChanged = signal(0);

export function watchAlerts(): void {
  let pending: ReturnType<typeof setTimeout> | null = null;
  onChange((change) => {
    const isRelevant = change.kind === "snapshot" || (change.kind === "event" && change.data.event_type.startsWith("alert-"));
    if (!isRelevant) return;
    pending ??= setTimeout(() => {
      pending = null;
      void refresh();
    }, 100);
  });
}

async function refresh(): Promise<void> {
  const answer = await request("alerts", { open: true });
  if (!answer.ok) return; // the banner shows "offline", and the next snapshot loads the alerts again
  openAlerts.value = answer.value.toSorted(
    (a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || b.created_at.localeCompare(a.created_at),
  );
  alertsChanged.value++;
}

export async function acknowledge(ids: readonly number[]): Promise<void> {
  const answer = await request("acknowledge", { ids: [...ids] });
  if (!answer.ok) showToast("bad", answer.error.message);
  await refresh();
}

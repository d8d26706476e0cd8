import { signal } from "@preact/signals";
import type { Alert } from "../../api/contract/shapes.ts";
import { request } from "./api.ts";
import { onChange } from "./live.ts";
import { showToast } from "./toasts.ts";

/** The open alerts, the newest first; read anew whenever the stream tells of one. */
export const openAlerts = signal<readonly Alert[]>([]);

/** Counts up with each change, for lists that hold more than the open ones. */
export const alertsChanged = signal(0);

export function watchAlerts(): void {
  let asked: ReturnType<typeof setTimeout> | null = null;
  onChange((change) => {
    const about = change.kind === "snapshot" || (change.kind === "event" && change.data.event_type.startsWith("alert-"));
    if (!about) return;
    asked ??= setTimeout(() => {
      asked = null;
      void refresh();
    }, 100);
  });
}

async function refresh(): Promise<void> {
  const answer = await request("alerts", { open: true });
  if (!answer.ok) return; // offline says so itself; the next snapshot asks again
  openAlerts.value = answer.value.toSorted((a, b) => b.created_at.localeCompare(a.created_at));
  alertsChanged.value++;
}

export async function acknowledge(ids: readonly number[]): Promise<void> {
  const answer = await request("acknowledge", { ids: [...ids] });
  if (!answer.ok) showToast("bad", answer.error.message);
  await refresh();
}

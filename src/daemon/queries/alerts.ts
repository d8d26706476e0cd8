import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { AlertRow, AlertStore } from "../../ports/store/alerts.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface AlertOptions {
  readonly store: Pick<AlertStore, "alerts" | "acknowledgeAlert">;
  readonly tell: Recorder["tell"];
  readonly dispatcher: { acknowledged(alerts: readonly number[]): void };
}

export function listAlerts({ store }: Pick<AlertOptions, "store">, openOnly: boolean): shape.Alert[] {
  return store.alerts(openOnly).map(alertShape);
}

/** Acknowledges the open alerts with the given ids, and all open alerts of the given units. Returns the number of these alerts. */
export function acknowledge(
  { store, tell, dispatcher }: AlertOptions,
  ids: readonly number[],
  units: Result<readonly string[], ApiError>,
): Result<number, ApiError> {
  const open = store.alerts(true);
  const unknown = ids.find((id) => !open.some((alert) => alert.id === id));
  if (unknown !== undefined)
    return err({ code: "not-found", message: `there is no open alert ${unknown}`, hint: "`sup alerts` lists the open ones" });
  if (!units.ok) return units;
  const chosen = open.filter((alert) => ids.includes(alert.id) || units.value.includes(alert.serviceId ?? ""));
  for (const { id, serviceId, alertType, acknowledged } of chosen) {
    store.acknowledgeAlert(id);
    if (!acknowledged) tell("alert-acknowledged", `acknowledged: ${alertType}`, serviceId, { alert: id, alert_type: alertType });
  }
  if (chosen.length > 0) dispatcher.acknowledged(chosen.map(({ id }) => id));
  return ok(chosen.length);
}

const alertShape = (row: AlertRow): shape.Alert => ({
  id: row.id,
  service_id: row.serviceId,
  severity: row.severity,
  alert_type: row.alertType,
  message: row.message,
  created_at: row.createdAt,
  resolved_at: row.resolvedAt,
  acknowledged: row.acknowledged,
});

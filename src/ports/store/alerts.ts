import type { Severity } from "../../base/words.ts";

export interface AlertRow {
  readonly id: number;
  readonly serviceId: string | null;
  readonly severity: Severity;
  readonly alertType: string;
  readonly message: string;
  readonly createdAt: string;
  readonly resolvedAt: string | null;
  readonly acknowledged: boolean;
}

/** A change that a turn makes to an alert. The ids of alerts come from the core. */
export type AlertWrite =
  | { readonly kind: "opened"; readonly alert: Omit<AlertRow, "resolvedAt" | "acknowledged"> }
  | { readonly kind: "resolved"; readonly id: number; readonly at: string };

/** Reads and acknowledges alerts. Alerts are raised and resolved by the records of turns (`turns.ts`). */
export interface AlertStore {
  /** The largest id ever given to an alert, or 0 if there was none. */
  readonly lastAlertId: number;
  acknowledgeAlert(id: number): void;
  alerts(openOnly: boolean): readonly AlertRow[];
}

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

/** What a turn does to an alert. The core gives alerts their ids. */
export type AlertWrite =
  | { readonly kind: "opened"; readonly alert: Omit<AlertRow, "resolvedAt" | "acknowledged"> }
  | { readonly kind: "resolved"; readonly id: number; readonly at: string };

/** Alerts are raised and resolved by turns (turns.ts); this reads and acknowledges them. */
export interface AlertStore {
  /** The largest id ever given to an alert; 0 before the first. */
  readonly lastAlertId: number;
  acknowledgeAlert(id: number): void;
  alerts(openOnly: boolean): readonly AlertRow[];
}

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

export interface AlertStore {
  openAlert(alert: Omit<AlertRow, "id" | "resolvedAt" | "acknowledged">): number;
  resolveAlert(id: number, resolvedAtIso: string): void;
  acknowledgeAlert(id: number): void;
  alerts(openOnly: boolean): readonly AlertRow[];
}

import type { Data } from "../data.ts";
import type { UnitDraft } from "../draft.ts";
import type { Expander } from "./expander.ts";

/** What one process is imported with. */
export interface Process {
  readonly unit: UnitDraft;
  readonly data: Data;
  readonly where: string;
  readonly directory: string;
  readonly expander: Expander;
  readonly shell: readonly string[];
}

/** A oneshot runs to completion, a service goes on. */
export type Role = "service" | "oneshot";

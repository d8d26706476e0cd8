import { asBoolean, asText, isMap, type Data } from "../data.ts";
import type { UnitDraft } from "../draft.ts";
import type { Expander } from "./expander.ts";

/** The context in which one process is imported. */
export interface Process {
  readonly unit: UnitDraft;
  readonly data: Data;
  readonly where: string;
  readonly directory: string;
  readonly expander: Expander;
  readonly shell: readonly string[];
  /** The roles of all processes by name. */
  readonly roles: ReadonlyMap<string, Role>;
}

/** A oneshot runs to completion, and a service keeps running. */
export type Role = "service" | "oneshot";

/** Returns true if the command starts something in the background that another command stops, such as `docker compose up -d`. */
export const isBackground = (data: Data): boolean =>
  asBoolean(data.is_daemon) === true && isMap(data.shutdown) && asText(data.shutdown.command) !== null;

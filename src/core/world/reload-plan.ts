import { compareIds } from "../../base/names.ts";

/**
 * The action of a reload on one unit. The plan of a reload depends only on the loaded units, the unit files on disk, and which units
 * run.
 */
export type PlanAction = "start" | "stop" | "restart" | "apply" | "keep" | "load";

export interface KeyChange {
  /** The dotted key in the unit file. */
  readonly key: string;
  readonly applies: "live" | "restart";
}

export interface PlanRow {
  readonly id: string;
  readonly change: "added" | "removed" | "changed" | "broken" | "masked";
  readonly keys: readonly KeyChange[];
  readonly action: PlanAction;
  readonly message: string;
}

export interface PlanInput {
  readonly inForce: Iterable<string>;
  readonly onDisk: ReadonlySet<string>;
  /** Ids of units whose files have errors. */
  readonly broken: ReadonlySet<string>;
  /** Returns true if the unit's file is a link to /dev/null. */
  isMasked(id: string): boolean;
  isUp(id: string): boolean;
  /** Returns whether the unit is enabled. A decision of the operator takes precedence over the unit file. */
  isEnabled(id: string): boolean;
  /** Returns true if the file on disk configures rolling restarts of the service. */
  isRolling?(id: string): boolean;
  /** Returns the ids of the loaded units that belong to the same service as a unit on disk. */
  membersOf?(id: string): readonly string[];
  /** Returns true if a file still declares the service of a loaded unit, but not the unit itself. */
  isSurplus?(id: string): boolean;
  /** Returns true if the unit has a schedule, so that loading it does not start it. */
  isScheduled(id: string): boolean;
  /** Returns the keys whose values on disk differ from the loaded values. */
  changes(id: string): readonly KeyChange[];
}

/** Plans the smallest set of actions that makes the running units agree with their files. Units that already agree have no row. */
export function planReload(input: PlanInput): PlanRow[] {
  const rows: PlanRow[] = [];
  const known = new Set(input.inForce);
  for (const id of known) {
    if (input.broken.has(id)) rows.push(row(id, "broken", "keep", "the file has errors: the last good version stays in force"));
    else if (input.isMasked(id)) rows.push(masked(id, input.isUp(id)));
    else if (!input.onDisk.has(id)) rows.push(removed(id, input.isUp(id), input.isSurplus?.(id) ?? false));
    else {
      const keys = input.changes(id);
      if (keys.length > 0) rows.push(changed(id, keys, input.isUp(id), input.isRolling?.(id) ?? false));
    }
  }
  for (const id of input.onDisk) {
    if (known.has(id)) continue;
    const members = input.membersOf?.(id) ?? [];
    if (members.length > 0)
      rows.push(joining(id, members.some((member) => input.isUp(member)))); // prettier-ignore
    else if (input.isScheduled(id)) rows.push(row(id, "added", "load", "new and scheduled: it will run at its times"));
    else if (input.isEnabled(id)) rows.push(row(id, "added", "start", "new and enabled: it will be started"));
    else rows.push(row(id, "added", "load", "new and not enabled: it will be known"));
  }
  for (const id of input.broken) if (!known.has(id)) rows.push(row(id, "broken", "keep", "the file has errors: it is not loaded"));
  return rows.sort((a, b) => compareIds(a.id, b.id));
}

const row = (id: string, change: PlanRow["change"], action: PlanAction, message: string, keys: readonly KeyChange[] = []): PlanRow => ({
  id,
  change,
  action,
  message,
  keys,
});

function removed(id: string, up: boolean, isSurplus: boolean): PlanRow {
  const cause = isSurplus ? "its file no longer asks for this unit" : "its file is gone";
  return up
    ? row(id, "removed", "stop", `${cause}: it will be stopped and forgotten`)
    : row(id, "removed", "apply", `${cause}: it will be forgotten`);
}

/**
 * Returns the row for a new unit of a service that is already loaded. The unit starts if the service runs, even if the
 * service is disabled.
 */
const joining = (id: string, runs: boolean): PlanRow =>
  runs
    ? row(id, "added", "start", "new, and its service runs: it will be started")
    : row(id, "added", "load", "new, and its service does not run: it will be known");

const masked = (id: string, up: boolean): PlanRow =>
  up
    ? row(id, "masked", "stop", "its file is a link to /dev/null: it will be stopped, and cannot be started")
    : row(id, "masked", "apply", "its file is a link to /dev/null: it cannot be started");

function changed(id: string, keys: readonly KeyChange[], up: boolean, isRolling: boolean): PlanRow {
  const hard = keys.filter((key) => key.applies === "restart").map((key) => key.key);
  if (hard.length === 0) return row(id, "changed", "apply", "applies without a restart", keys);
  if (!up) return row(id, "changed", "apply", "it does not run: applies at its next start", keys);
  const how = isRolling ? "a rolling restart" : "a restart";
  return row(id, "changed", "restart", `its file has changed (${hard.join(", ")}): ${how} applies the change`, keys);
}

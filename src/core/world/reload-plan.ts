/** What a reload does to a unit. The plan depends only on the loaded units, the unit files on disk, and which units run. */
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
    else if (!input.onDisk.has(id)) rows.push(removed(id, input.isUp(id)));
    else {
      const keys = input.changes(id);
      if (keys.length > 0) rows.push(changed(id, keys, input.isUp(id)));
    }
  }
  for (const id of input.onDisk) {
    if (known.has(id)) continue;
    if (input.isScheduled(id)) rows.push(row(id, "added", "load", "new and scheduled: it will run at its times"));
    else if (input.isEnabled(id)) rows.push(row(id, "added", "start", "new and enabled: it will be started"));
    else rows.push(row(id, "added", "load", "new and not enabled: it will be known"));
  }
  for (const id of input.broken) if (!known.has(id)) rows.push(row(id, "broken", "keep", "the file has errors: it is not loaded"));
  return rows.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

const row = (id: string, change: PlanRow["change"], action: PlanAction, message: string, keys: readonly KeyChange[] = []): PlanRow => ({
  id,
  change,
  action,
  message,
  keys,
});

const removed = (id: string, up: boolean): PlanRow =>
  up
    ? row(id, "removed", "stop", "its file is gone: it will be stopped and forgotten")
    : row(id, "removed", "apply", "its file is gone: it will be forgotten");

const masked = (id: string, up: boolean): PlanRow =>
  up
    ? row(id, "masked", "stop", "its file is a link to /dev/null: it will be stopped, and cannot be started")
    : row(id, "masked", "apply", "its file is a link to /dev/null: it cannot be started");

function changed(id: string, keys: readonly KeyChange[], up: boolean): PlanRow {
  const hard = keys.filter((key) => key.applies === "restart").map((key) => key.key);
  if (hard.length === 0) return row(id, "changed", "apply", "applies without a restart", keys);
  if (!up) return row(id, "changed", "apply", "it does not run: applies at its next start", keys);
  return row(id, "changed", "restart", `${hard.join(", ")} ${hard.length === 1 ? "needs" : "need"} a restart`, keys);
}

import { lookUp } from "../data.ts";
import type { UnitDraft } from "../draft.ts";
import { toCron } from "./calendar.ts";
import { whereOf, type Settings } from "./parse.ts";
import { toBoolean, toSeconds } from "./values.ts";

/** Imports the section `[Timer]` into the service that the timer starts. */
export function importTimer(unit: UnitDraft, settings: Settings): void {
  const schedule: Record<string, unknown> = {};
  for (const found of settings.all("OnCalendar")) calendar(unit, found.value, whereOf(found), schedule);
  for (const key of ["OnUnitActiveSec", "OnUnitInactiveSec"]) {
    for (const found of settings.all(key)) {
      const seconds = toSeconds(found.value);
      const where = whereOf(found);
      if (seconds === null || seconds === Infinity) unit.drop(key, where, "it is not a time span");
      else if (schedule.cron !== undefined || schedule.every !== undefined)
        unit.drop(key, where, "a unit has one schedule", "make a second unit");
      else {
        schedule.every = Math.max(1, seconds);
        if (key === "OnUnitActiveSec" && seconds >= 1) unit.carried(key, "schedule.every", where);
        else unit.approximated(key, where, "schedule.every: the time counts from one start to the next, and is at least a second");
      }
    }
  }
  for (const key of ["OnBootSec", "OnStartupSec", "OnActiveSec"]) {
    for (const found of settings.all(key)) {
      const isEvery = schedule.every !== undefined;
      if (isEvery) unit.approximated(key, whereOf(found), "the first run starts one interval after the unit was loaded");
      else unit.drop(key, whereOf(found), "sup has no delay after the boot", 'start the unit when the daemon starts: "enabled": true');
    }
  }
  const persistent = settings.last("Persistent");
  if (persistent && toBoolean(persistent.value)) schedule.catch_up = true;
  if (persistent) unit.carried("Persistent", "schedule.catch_up", whereOf(persistent));
  for (const key of settings.keys())
    if (!KNOWN.has(key)) unit.drop(key, whereOf(settings.last(key)!), lookUp(DROPPED, key) ?? "sup has no such setting of a schedule");
  if (settings.last("Unit")) unit.carried("Unit", "the schedule belongs to this unit", whereOf(settings.last("Unit")!));
  if (schedule.cron === undefined && schedule.every === undefined) return;
  unit.set("schedule", schedule);
  if (unit.json.type !== "oneshot") {
    unit.set("type", "oneshot");
    delete unit.json.restart_on_exit;
    unit.approximated("Type", unit.origin, 'a unit with a schedule is a "oneshot": the next run waits until the program has ended');
  }
}

const KNOWN = new Set("OnCalendar OnUnitActiveSec OnUnitInactiveSec OnBootSec OnStartupSec OnActiveSec Persistent Unit".split(" "));

const DROPPED: Readonly<Record<string, string>> = {
  RandomizedDelaySec: "sup adds no random delay to a schedule",
  RandomizedOffsetSec: "sup adds no random delay to a schedule",
  FixedRandomDelay: "sup adds no random delay to a schedule",
  AccuracySec: "sup runs a schedule on time",
  WakeSystem: "sup does not wake the machine",
  RemainAfterElapse: "a schedule stays until its unit file is removed",
};

function calendar(unit: UnitDraft, text: string, where: string, schedule: Record<string, unknown>): void {
  const cron = toCron(text);
  if (!cron.ok)
    unit.drop("OnCalendar", where, `${JSON.stringify(text)} has no cron expression: ${cron.error}`, 'write a "schedule" that comes close');
  else if (schedule.cron !== undefined)
    unit.drop("OnCalendar", where, "a unit has one schedule", "combine the times in one cron expression, or make a second unit");
  else {
    schedule.cron = cron.value.cron;
    if (cron.value.timezone !== null) schedule.timezone = cron.value.timezone;
    if (cron.value.note === null) unit.carried("OnCalendar", "schedule.cron", where);
    else unit.approximated("OnCalendar", where, `schedule.cron: ${cron.value.note}`);
  }
}

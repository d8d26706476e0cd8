import { expect, test } from "bun:test";
import fc from "fast-check";
import { completeUnit } from "../../../src/convert/import/print-unit.ts";
import { findTemplate } from "../../../src/convert/import/templates.ts";
import { nextCronMs } from "../../../src/spec/cron.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import { importFiles } from "../files.ts";
import { exported, load, processOf, type Json } from "./exporting.ts";
import { environmentValue } from "../../../src/convert/export/supervisord/quote.ts";
import { supervisordUnit, systemdUnit } from "./units.ts";

/** Exported files that look like a template, because of a `<%%` or `{{` in an argument, are left out: the import refuses templates. */
const RUNS = 300;

test("systemd: a unit that is exported and imported again is the same", () => {
  fc.assert(
    fc.property(systemdUnit, (json) => {
      const db = { command: "/usr/bin/db" };
      const result = exported("systemd", { db, web: json });
      expect(result.problems).toEqual([]);
      fc.pre(!result.files.some(({ text }) => findTemplate(text) !== null));
      const files = Object.fromEntries(result.files.map(({ name, text }) => [`/etc/systemd/system/${name}`, text]));
      const imported = importFiles(files);
      expect(imported.problems).toEqual([]);
      const web = imported.units.find(({ name }) => name === "web")!;
      expect(systemdView(specOf({ db, web: completeUnit(web, null) }))).toEqual(systemdView(specOf({ db, web: json })));
    }),
    { numRuns: RUNS },
  );
}, 60_000); // 300 units on a busy machine

test("supervisord: a unit that is exported and imported again is the same", () => {
  // No quote of one kind: a value with both goes to env(1), which becomes a part of the command.
  const unit = supervisordUnit({
    value: (text) => !/'|\s$/.test(text) && [text, `x${text}`].every((each) => environmentValue([each]) !== null),
  });
  fc.assert(
    fc.property(unit, (json) => {
      const result = exported("supervisord", { web: json });
      expect(result.problems).toEqual([]);
      fc.pre(findTemplate(result.files[0]!.text) === null);
      const imported = importFiles({ "/etc/supervisor/conf.d/web.conf": result.files[0]!.text });
      expect(imported.problems).toEqual([]);
      const again = specOf({ web: completeUnit(imported.units[0]!, null) });
      expect(supervisordView(again)).toEqual(supervisordView(specOf({ web: json })));
    }),
    { numRuns: RUNS },
  );
}, 60_000); // 300 units on a busy machine

const specOf = (units: Readonly<Record<string, Json>>): Spec => load(units).loaded.get("web")!.spec;

function systemdView(spec: Spec) {
  const { restart, schedule } = spec;
  return {
    ...processOf(spec),
    description: spec.description,
    enabled: spec.enabled,
    type: spec.type,
    identity: spec.identity,
    startTimeoutMs: spec.startTimeoutMs,
    watchdogMs: spec.watchdogMs,
    stop: spec.stop,
    restart: restart.autoRestart || restart.restartOnExit ? restart : null,
    codes: restart.successExitCodes,
    dependencies: spec.dependencies,
    limits: spec.limits,
    sockets: spec.sockets,
    schedule: schedule && { ...schedule, cron: schedule.cron === null ? null : nextTimes(schedule.cron, schedule.timezone) },
  };
}

function nextTimes(cron: string, timezone: string | null): number[] {
  const times = [Date.UTC(2026, 0, 1)];
  for (let i = 0; i < 40; i++) times.push(nextCronMs(cron, times.at(-1)!, timezone)!);
  return times;
}

function supervisordView(spec: Spec) {
  const { restart } = spec;
  return {
    ...processOf(spec),
    enabled: spec.enabled,
    priority: spec.priority,
    user: spec.identity.user,
    umask: spec.identity.umask,
    stop: spec.stop,
    restart: [restart.autoRestart, restart.restartOnExit, restart.successExitCodes, restart.maxRetries, restart.resetAfterMs],
    log: [spec.log.maxSizeBytes, spec.log.keep],
  };
}

import { exportUnits } from "../../../src/convert/export/export.ts";
import type { Exported, ExportOptions, ReportEntry, Target } from "../../../src/convert/export/types.ts";
import { loadSnapshot, type LoadedSnapshot } from "../../../src/spec/load/load.ts";

export type Json = Readonly<Record<string, unknown>>;

export const OPTIONS: ExportOptions = {
  home: "/root",
  state: "/var/lib/sup",
  logs: "/var/log/sup",
  runtime: "/run/sup",
  isUser: false,
  withSecrets: false,
};

/** Loads units that are given as JSON. Fails if one of them has an error. */
export function load(units: Readonly<Record<string, Json>>): LoadedSnapshot {
  const files = Object.entries(units).map(([id, json]) => ({
    id,
    main: { path: `/etc/sup/units/${id}.unit.json`, text: JSON.stringify(json, null, 2) },
    dropIns: [],
  }));
  const snapshot = loadSnapshot({ units: files, unreadable: [], masked: [] });
  const [problem] = [...snapshot.problems.values()].flat();
  if (problem) throw new Error(`${problem.file}: ${problem.key}: ${problem.message}`);
  return snapshot;
}

/** Exports all of the given units. */
export function exported(target: Target, units: Readonly<Record<string, Json>>, options: Partial<ExportOptions> = {}): Exported {
  const { loaded, services, templates } = load(units);
  const all = new Map([...loaded, ...services, ...templates]);
  const input = {
    units: Object.keys(units).map((id) => all.get(id)!),
    services: new Set(services.keys()),
    types: new Map([...all].map(([id, { spec }]) => [id, spec.type])),
  };
  return exportUnits(target, input, { ...OPTIONS, ...options });
}

export function textOf({ files, problems }: Exported, name: string): string {
  const file = files.find((each) => each.name === name);
  if (!file) throw new Error(`no file ${name} in ${files.map((each) => each.name).join(", ")}; ${JSON.stringify(problems)}`);
  return file.text;
}

export const entryOf = ({ report }: Exported, field: string): ReportEntry | undefined => report.find((entry) => entry.field === field);

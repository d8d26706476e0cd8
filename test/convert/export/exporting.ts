import { exportUnits } from "../../../src/convert/export/export.ts";
import type { Exported, ExportOptions, ReportEntry, Target } from "../../../src/convert/export/types.ts";
import { expandText } from "../../../src/spec/load/specifiers.ts";
import { loadSnapshot, type LoadedSnapshot } from "../../../src/spec/load/load.ts";
import type { HookSpec, Spec } from "../../../src/spec/spec.ts";

export type Json = Readonly<Record<string, unknown>>;

export const OPTIONS: ExportOptions = {
  home: "/home/sup",
  state: "/var/lib/sup",
  logs: "/var/log/sup",
  runtime: "/run/sup",
  isUser: false,
  image: null,
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

/** What a unit does in a process: the words of its command and its variables. */
export function processOf(spec: Spec) {
  const environment: Record<string, string> = {};
  const expand = (text: string): string => {
    const value = expandText(text, environment, { n: spec.id, i: "", h: OPTIONS.home, S: "", L: "", t: "" });
    if (!value.ok) throw new Error(value.error);
    return value.value;
  };
  for (const [name, text] of Object.entries(spec.environment)) environment[name] = expand(text);
  const hook = ({ command, args, timeoutMs }: HookSpec) => ({ argv: [command, ...args].map(expand), timeoutMs });
  return {
    argv: [spec.exec.command, ...spec.exec.args].map(expand),
    directory: spec.exec.workingDirectory === null ? null : expand(spec.exec.workingDirectory),
    environment,
    files: spec.environmentFiles.map(({ path, optional }) => [expand(path), optional]),
    preStart: spec.preStart.map(hook),
    postStop: spec.postStop.map(hook),
    reload: spec.reload?.kind === "command" ? hook(spec.reload) : spec.reload,
  };
}

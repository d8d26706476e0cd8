import { join, resolve } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { EXIT } from "../../api/contract/errors.ts";
import { closest, globMatcher, isGlob, instanceOf, isTemplate, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { exportUnits } from "../../convert/export/export.ts";
import { TARGETS, type Exported, type ExportInput, type Target } from "../../convert/export/types.ts";
import { type Loaded, loadSnapshot, type LoadedSnapshot } from "../../spec/load/load.ts";
import type { Context, Run } from "../context.ts";
import { existing, writeExported } from "../files/write-exported.ts";
import { describeExport } from "../render/export.ts";
import { safe } from "../render/safe.ts";

export const run: Run = async (context) => {
  const { args, options, host, places, roles } = context;
  if (options.to === undefined || !TARGETS.includes(options.to as Target))
    return context.fail({
      code: "bad-request",
      message: options.to === undefined ? "cannot export without --to" : `cannot export to ${options.to}`,
      hint: `targets: ${TARGETS.join(", ")}`,
    });
  if (options.stdout && options.exportDir !== undefined)
    return context.fail({ code: "bad-request", message: "--stdout and --output exclude each other" });
  const names = args.map(stripSuffix);
  const snapshot = loadSnapshot(await roles.readUnits(places.unitPath), { instances: names.filter((name) => instanceOf(name) !== null) });
  const units = select(snapshot, names);
  if (!units.ok) return context.fail(units.error);
  const all = new Map([...snapshot.loaded, ...snapshot.services]);
  const input: ExportInput = {
    units: units.value,
    services: new Set(snapshot.services.keys()),
    types: new Map([...all].map(([id, { spec }]) => [id, spec.type])),
  };
  const { state, logs, runtime } = places;
  const exported = exportUnits(options.to as Target, input, {
    home: host.home,
    state,
    logs,
    runtime,
    isUser: host.uid !== 0,
    image: options.image ?? null,
    withSecrets: options.withSecrets ?? false,
  });
  return options.exportDir === undefined ? print(context, exported) : write(context, exported, resolve(options.exportDir));
};

/** Returns the units that match names, globs and groups. A service with `instances` counts as one unit. */
function select(snapshot: LoadedSnapshot, patterns: readonly string[]): Result<Loaded[], ApiError> {
  const { loaded, services, templates, problems } = snapshot;
  const isPart = (id: string): boolean => services.has(id.slice(0, Math.max(0, id.indexOf("@"))));
  const all = new Map([...[...loaded].filter(([id]) => !isPart(id)), ...services, ...templates]);
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const matches = [...all].filter(([id, { spec }]) => {
      if (pattern.startsWith("@")) return spec.groups.includes(pattern.slice(1)) && !isTemplate(id);
      return isGlob(pattern) ? globMatcher(pattern)(id) && !isTemplate(id) : id === pattern;
    });
    if (matches.length === 0) return err(noMatch(pattern, isPart(pattern), [...all.keys()], problems));
    for (const [id] of matches) chosen.add(id);
  }
  return ok([...chosen].map((id) => all.get(id)!));
}

function noMatch(pattern: string, isPart: boolean, ids: readonly string[], problems: LoadedSnapshot["problems"]): ApiError {
  const [problem] = problems.get(pattern) ?? [];
  if (problem) return { code: "invalid", message: `cannot export ${pattern}: ${problem.message}`, hint: "`sup verify` lists all errors" };
  if (isPart) {
    const service = pattern.slice(0, pattern.indexOf("@"));
    return {
      code: "bad-request",
      message: `cannot export ${pattern}: it is one unit of the service ${service}`,
      hint: `export ${service}`,
    };
  }
  const near = closest(pattern, ids);
  return { code: "no-such-unit", message: `there is no unit ${pattern}`, ...(near !== undefined && { hint: `did you mean ${near}?` }) };
}

/** Prints the files, and the report to standard error. */
function print(context: Context, exported: Exported): number {
  if (context.options.json) return printJson(context, exported, null);
  const files = exported.files.filter(({ isAlternative }) => isAlternative !== true);
  const comment = exported.target === "supervisord" ? ";" : "#";
  const shown = files.map(({ name, text }) => {
    const lines = text.trimEnd().split("\n").map(safe).join("\n");
    return files.length === 1 ? lines : `${comment} --- ${name} ---\n${lines}`;
  });
  if (shown.length > 0) context.out(shown.join("\n\n"));
  for (const line of describeExport(exported, context.paint)) context.note(line);
  return codeOf(exported);
}

function write(context: Context, exported: Exported, directory: string): number {
  const { options, out, paint } = context;
  const taken = existing(exported.files, directory);
  if (taken.length > 0 && !options.overwriteFiles)
    return context.fail({
      code: "conflict",
      message: `cannot export: ${taken[0]}${taken.length > 1 ? ` and ${taken.length - 1} more exist` : " exists"} already`,
      hint: "--force replaces the files; nothing was written",
    });
  try {
    writeExported(exported.files, directory);
  } catch (error) {
    return context.fail({ code: "failed", message: `cannot write the files: ${(error as Error).message}` });
  }
  if (options.json) return printJson(context, exported, directory);
  const count = exported.files.length;
  out([...describeExport(exported, paint), "", `Wrote ${count} ${count === 1 ? "file" : "files"} to ${safe(directory)}.`].join("\n"));
  return codeOf(exported);
}

function printJson(context: Context, exported: Exported, directory: string | null): number {
  const { target, files, report, problems, steps } = exported;
  context.json({
    ok: problems.length === 0,
    target,
    written: directory !== null,
    files: files.map(({ name, text, hasSecrets }) => ({
      name,
      file: directory === null ? null : join(directory, name),
      has_secrets: hasSecrets,
      text,
    })),
    report: report.map(({ unit, field, outcome, how, whatToDo, where }) => ({ unit, field, outcome, how, what_to_do: whatToDo, where })),
    problems,
    steps,
  });
  return codeOf(exported);
}

const codeOf = ({ problems }: Exported): number => (problems.length > 0 ? EXIT.failed : EXIT.done);

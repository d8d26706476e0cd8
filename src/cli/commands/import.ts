import { resolve } from "node:path";
import { EXIT } from "../../api/contract/errors.ts";
import { importPaths } from "../../convert/import/import.ts";
import { completeUnit, printUnit } from "../../convert/import/print-unit.ts";
import { FORMATS, type Format, type Imported } from "../../convert/import/types.ts";
import { daemonLives, type Context, type Run } from "../context.ts";
import { isMask } from "../files/masks.ts";
import { sourceFiles } from "../files/source-files.ts";
import { existing, targetsOf, writeUnits, type UnitTarget } from "../files/write-units.ts";
import { runEcosystemFiles } from "../files/run-ecosystem.ts";
import { describeImport } from "../render/import.ts";
import { safe } from "../render/safe.ts";

export const run: Run = async (context) => {
  const { args, options, host, places } = context;
  if (options.from !== undefined && !FORMATS.includes(options.from as Format))
    return context.fail({
      code: "bad-request",
      message: `cannot import the format ${options.from}`,
      hint: `formats: ${FORMATS.join(", ")}`,
    });
  if (options.stdout && options.outputDir !== undefined)
    return context.fail({ code: "bad-request", message: "--stdout and --output exclude each other" });
  const paths = args.map((path) => resolve(path));
  const evaluated = options.allowJs ? await runEcosystemFiles(paths, host) : new Map();
  const imported = importPaths(paths, sourceFiles, { format: options.from as Format | undefined, home: host.home, evaluated });
  const directory = options.outputDir === undefined ? places.unitPath[0]! : resolve(options.outputDir);
  const targets = targetsOf(imported, directory);
  if (options.stdout) return printUnits(context, imported, targets);
  const taken = existing(targets);
  const masked = taken.filter(isMask);
  const blocked = options.overwrite && !options.dryRun ? masked : taken;
  if (!options.dryRun && blocked.length > 0) return refuseToReplace(context, blocked, masked);
  let notes: string[] = [];
  try {
    if (!options.dryRun && targets.length > 0) notes = writeUnits(targets, imported, directory, host);
  } catch (error) {
    return context.fail({ code: "failed", message: `cannot write the unit files: ${(error as Error).message}` });
  }
  if (
    !options.dryRun &&
    directory === places.unitPath[0] &&
    daemonLives(host, places) &&
    targets.some(({ unit }) => unit.json.enabled === true)
  )
    notes.push("the running daemon starts the units that are enabled; stop them where they ran before");
  report(context, imported, targets, notes, taken);
  return imported.problems.length > 0 ? EXIT.failed : EXIT.done;
};

function refuseToReplace(context: Context, files: readonly string[], masked: readonly string[]): number {
  const [first] = files;
  const message = `cannot import: ${first}${files.length > 1 ? ` and ${files.length - 1} more` : ""} exist${files.length > 1 ? "" : "s"} already`;
  const hint =
    masked.length > 0 ? "`sup unmask` the unit first" : "--force replaces the files, --output writes them elsewhere; nothing was written";
  return context.fail({ code: "conflict", message, hint });
}

/** Prints only the units. Their secrets are included, because no other file is written. */
function printUnits(context: Context, imported: Imported, targets: readonly UnitTarget[]): number {
  const { options, out, note } = context;
  if (options.json) report(context, imported, targets, [], []);
  else {
    for (const { unit } of targets) out(printUnit(unit, imported.report, null).trimEnd().split("\n").map(safe).join("\n"));
    const printed = imported.units.map((unit) => ({ unit, file: null, secretsFile: null }));
    for (const line of describeImport(imported, printed, context.paint)) note(line);
  }
  return imported.problems.length > 0 ? EXIT.failed : EXIT.done;
}

function report(
  context: Context,
  imported: Imported,
  targets: readonly UnitTarget[],
  notes: readonly string[],
  taken: readonly string[],
): void {
  const { options, paint, out } = context;
  if (!options.json) {
    const lines = describeImport(imported, targets, paint);
    const done = options.dryRun ? `Would write ${countFiles(targets)}; nothing was written.` : `Wrote ${countFiles(targets)}.`;
    if (targets.length > 0) lines.push("", done, ...notes.map((note) => paint("yellow", safe(`Note: ${note}.`))));
    if (options.dryRun && taken.length > 0)
      lines.push(paint("yellow", `${taken.length} of these files exist already; --force replaces them.`));
    out(lines.join("\n"));
    return;
  }
  const { formats, problems } = imported;
  const written = !options.dryRun && !options.stdout;
  context.json({
    ok: problems.length === 0,
    formats,
    written,
    units: targets.map(({ unit, file, secretsFile }) => ({
      name: unit.name,
      file,
      secrets_file: options.stdout ? null : secretsFile,
      origin: unit.origin,
      notes: unit.notes,
      unit: completeUnit(unit, options.stdout ? null : secretsFile),
    })),
    report: imported.report.map(({ unit, field, outcome, how, whatToDo, where }) => ({
      unit,
      field,
      outcome,
      how,
      what_to_do: whatToDo,
      where,
    })),
    problems,
    notes,
  });
}

const countFiles = (targets: readonly UnitTarget[]): string => {
  const secrets = targets.filter(({ secretsFile }) => secretsFile !== null).length;
  const units = `${targets.length} unit ${targets.length === 1 ? "file" : "files"}`;
  return secrets === 0 ? units : `${units} and ${secrets} ${secrets === 1 ? "file" : "files"} with secrets (mode 0600)`;
};

import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { fileNameOf, stripSuffix } from "../../base/names.ts";
import type { UnitSnapshot } from "../../ports/files.ts";
import { type Loaded, loadSnapshot } from "../../spec/load/load.ts";
import type { Context } from "../context.ts";
import type { Roles } from "../roles.ts";
import { ignoredFiles } from "./ignored-files.ts";
import { fileProblem, type Problem } from "../../spec/parse/problems.ts";

/** The result of checking unit files. */
export interface Verdict {
  /** The main files that were checked. */
  readonly files: readonly string[];
  /** The problems of those files and of their drop-ins. */
  readonly problems: readonly Problem[];
  /** The units that were checked and can be loaded. */
  readonly units: readonly Loaded[];
  /** The content of each file by path, from which lines are quoted. */
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Checks files, drop-ins, directories and units by name. Without paths, it checks the whole unit path. Each file is loaded
 * together with its directory and the unit path, so that dependencies and cycles are checked. Only the file's own problems
 * are reported.
 */
export async function verifyPaths({ readUnits }: Roles, paths: readonly string[], unitPath: readonly string[]): Promise<Verdict> {
  if (paths.length === 0) return verifySnapshot(await readUnits(unitPath), () => true);
  const verdicts: Verdict[] = [];
  const wanted = new Map<string, Set<string> | "all">();
  for (const given of paths) {
    const path = fileOfUnit(given, unitPath) ?? given;
    if (!existsSync(path)) verdicts.push(refusal(path, noSuchFile(path, unitPath)));
    else if (statSync(path).isDirectory()) wanted.set(resolve(path), "all");
    else if (!mainFileFor(path).endsWith(SUFFIX)) verdicts.push(refusal(path, `the name of a unit file must be NAME${SUFFIX}`));
    else addFile(wanted, mainFileFor(path));
  }
  for (const [directory, files] of wanted) {
    const isWanted = (file: string): boolean => dirname(file) === directory && (files === "all" || files.has(file));
    verdicts.push(verifySnapshot(await readUnits([directory, ...unitPath]), isWanted));
  }
  return {
    files: verdicts.flatMap(({ files }) => files),
    problems: verdicts.flatMap(({ problems }) => problems),
    units: verdicts.flatMap(({ units }) => units),
    texts: new Map(verdicts.flatMap(({ texts }) => [...texts])),
  };
}

/**
 * Returns warnings like those of systemd-analyze(1) verify. They concern things on the machine that a unit needs for its
 * start but that are missing. They also concern files that are ignored because of their names. `paths` are the paths that the
 * verdict is about.
 */
export async function warningsOf({ roles, places }: Context, { units }: Verdict, paths: readonly string[]): Promise<Problem[]> {
  const directories =
    paths.length === 0 ? places.unitPath : paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  const findings = await roles.checkMachine(
    units.map(({ spec }) => spec),
    places,
  );
  const lacking = findings.map(({ id, key, message, hint }): Problem => {
    const unit = units.find(({ spec }) => spec.id === id)!;
    const [, file, line] = /^(.*):(\d+)$/.exec(unit.sources.get(key) ?? "") ?? [];
    const details = { severity: "warning", path: key === "" ? [] : key.split("."), message, hint } as const;
    return { ...fileProblem(file ?? unit.spec.file, details), line: line === undefined ? null : Number(line) };
  });
  return [...lacking, ...ignoredFiles(directories)];
}

const SUFFIX = fileNameOf("");

/**
 * Returns the file of a unit with this name. A bare name such as `web` means a unit, because the directory with the service's
 * own files often has that name too.
 */
function fileOfUnit(name: string, unitPath: readonly string[]): string | undefined {
  if (name.includes("/") || name.endsWith(SUFFIX)) return undefined;
  return unitPath.map((directory) => resolve(directory, fileNameOf(name))).find((file) => existsSync(file));
}

const noSuchFile = (path: string, unitPath: readonly string[]): string =>
  path.includes("/") || path.endsWith(SUFFIX)
    ? "cannot read it: no such file or directory (ENOENT)"
    : `cannot find it: no such file or directory here, and no ${fileNameOf(path)} in ${unitPath.join(" or ")}`;

/** Returns the main file that a path belongs to. A drop-in belongs to the file of the unit after which the drop-in directory is named. */
function mainFileFor(path: string): string {
  const directory = dirname(resolve(path));
  return directory.endsWith(`${SUFFIX}.d`) ? directory.slice(0, -2) : resolve(path);
}

function addFile(wanted: Map<string, Set<string> | "all">, file: string): void {
  const known = wanted.get(dirname(file)) ?? new Set<string>();
  if (known !== "all") wanted.set(dirname(file), known.add(file));
}

const refusal = (path: string, message: string): Verdict => ({
  files: [],
  problems: [fileProblem(path, { message })],
  units: [],
  texts: new Map(),
});

function verifySnapshot(snapshot: UnitSnapshot, isWanted: (file: string) => boolean): Verdict {
  const units = snapshot.units.filter(({ main }) => isWanted(main.path));
  const refused = snapshot.unreadable.filter(({ path }) => isWanted(mainFileFor(path)));
  const owners = new Set([
    ...units.map(({ id }) => id),
    ...refused.flatMap(({ path }) => [path, stripSuffix(basename(mainFileFor(path)))]),
  ]);
  const { loaded, services, templates, problems } = loadSnapshot(snapshot);
  const errors = [...problems].filter(([owner]) => owners.has(owner)).flatMap(([, list]) => list);
  const warnings = [...loaded, ...services, ...templates].filter(([id]) => owners.has(id)).flatMap(([, { warnings }]) => warnings);
  const texts = snapshot.units.flatMap(({ main, dropIns }) => [main, ...dropIns].map(({ path, text }) => [path, text] as const));
  const checked = [...loaded, ...services].filter(([id]) => owners.has(id)).map(([, each]) => each);
  return { files: units.map(({ main }) => main.path), problems: [...errors, ...warnings], units: checked, texts: new Map(texts) };
}

import { chownSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileNameOf } from "../../base/names.ts";
import { printSecrets, printUnit } from "../../convert/import/print-unit.ts";
import type { Imported, ImportedUnit } from "../../convert/import/types.ts";
import type { Host } from "../host.ts";

/** The files that an import writes for a unit. */
export interface UnitTarget {
  readonly unit: ImportedUnit;
  readonly file: string;
  /** The file for the secrets of the environment, or null if the unit has none. */
  readonly secretsFile: string | null;
}

export const targetsOf = ({ units }: Imported, directory: string): UnitTarget[] =>
  units.map((unit) => ({
    unit,
    file: join(directory, fileNameOf(unit.name)),
    secretsFile: Object.keys(unit.secrets).length > 0 ? join(directory, `${unit.name}.env`) : null,
  }));

/** Returns the files that already exist. Links count as existing. */
export const existing = (targets: readonly UnitTarget[]): string[] =>
  targets.flatMap(({ file, secretsFile }) => [file, ...(secretsFile === null ? [] : [secretsFile])]).filter(exists);

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/**
 * Writes the unit files, and the files with secrets, which only the unit's user can read. A file gets its final name after it
 * was written completely. A link with that name is replaced; its target is not written to. Returns notes about secrets that
 * the user will not be able to read.
 */
export function writeUnits(targets: readonly UnitTarget[], { report }: Imported, directory: string, host: Pick<Host, "uid">): string[] {
  const notes: string[] = [];
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  for (const { unit, file, secretsFile } of targets) {
    if (secretsFile !== null) {
      const note = writeSecrets(unit, secretsFile, host);
      if (note !== null) notes.push(note);
    }
    replace(file, printUnit(unit, report, secretsFile), 0o644);
  }
  return notes;
}

function writeSecrets(unit: ImportedUnit, path: string, { uid }: Pick<Host, "uid">): string | null {
  const user = unit.json.user as string | undefined;
  const owner = user === undefined || uid !== 0 ? null : findUser(user);
  replace(path, printSecrets(unit.secrets), 0o600, owner);
  if (user === undefined || uid !== 0 || owner !== null) return null;
  return `${unit.name}: there is no user ${user} yet; give the user ${path} with chown, because the daemon reads it with the user's rights`;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

function findUser(user: string): Owner | null {
  for (const line of passwd().split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (gid !== undefined && (name === user || uid === user)) return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

function passwd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return ""; // a container may have no user database
  }
}

function replace(path: string, text: string, mode: number, owner: Owner | null = null): void {
  const temporary = join(path, "..", `.${path.slice(path.lastIndexOf("/") + 1)}.import`);
  rmSync(temporary, { force: true });
  try {
    writeFileSync(temporary, text, { mode, flag: "wx" });
    if (owner !== null) chownSync(temporary, owner.uid, owner.gid);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

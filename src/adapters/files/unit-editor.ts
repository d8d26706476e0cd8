import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileNameOf, isTemplate, isUnitId, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { EditableText, UnitEditor } from "../../ports/unit-editor.ts";
import { plantedBy } from "./planted.ts";
import { MAX_UNIT_FILE_BYTES } from "./unitdir.ts";

/** Edits the unit files in these directories, which are absolute paths. */
export function openUnitEditor(directories: readonly string[]): UnitEditor {
  const read = (path: string): Result<EditableText | null, string> => {
    const refusal = refusalOf(path, directories);
    return refusal === null ? readText(path) : err(refusal);
  };
  return {
    read,
    etagOf,
    write(path, text, expected) {
      const now = read(path);
      if (!now.ok) return err({ kind: "refused", message: now.error });
      if ((now.value?.etag ?? null) !== expected) return err({ kind: "changed", message: changedWords(path, now.value, expected) });
      if (Buffer.byteLength(text) > MAX_UNIT_FILE_BYTES)
        return err({ kind: "refused", message: `cannot write ${path}: a unit file can have at most 1 MiB` });
      try {
        replace(path, text, lstatSync(path, { throwIfNoEntry: false }) ?? null);
        return ok(etagOf(text));
      } catch (error) {
        return err({ kind: "refused", message: `cannot write ${path}: ${wordsOf(error)}` });
      }
    },
  };
}

const etagOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, 27);

function changedWords(path: string, now: EditableText | null, expected: string | null): string {
  if (expected === null) return `cannot create ${path}: the file exists`;
  return now === null ? `cannot write ${path}: the file was deleted` : `cannot write ${path}: the file was changed since it was read`;
}

/** Returns the reason why a path may not be edited, or null. The daemon may run as root, so a path must not lead anywhere else. */
function refusalOf(path: string, directories: readonly string[]): string | null {
  const refused = (why: string): string => `cannot edit ${path}: ${why}`;
  const id = stripSuffix(basename(path));
  if (basename(path) !== fileNameOf(id) || (!isUnitId(id) && !isTemplate(id))) return refused("its name is not that of a unit file");
  if (!directories.includes(dirname(path))) return refused("it is not in a directory of the unit path");
  try {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) return directoryRefusal(path, refused);
    if (status.isSymbolicLink()) return refused("it is a symbolic link; edit the file that it leads to on the machine");
    if (!status.isFile()) return refused("it is not a regular file");
    if (status.nlink > 1) return refused("it has several hard links, and an edit would separate them");
    const planted = plantedBy(path, status);
    return planted === null ? null : refused(planted);
  } catch (error) {
    return refused(wordsOf(error));
  }
}

function directoryRefusal(path: string, refused: (why: string) => string): string | null {
  const directory = statSync(dirname(path), { throwIfNoEntry: false });
  if (directory === undefined) return refused("its directory does not exist");
  return directory.isDirectory() ? null : refused(`${dirname(path)} is not a directory`);
}

function readText(path: string): Result<EditableText | null, string> {
  try {
    // The file could have been replaced by a FIFO or a link since it was checked.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const status = fstatSync(fd);
      if (!status.isFile()) return err(`cannot edit ${path}: it is not a regular file`);
      if (status.size > MAX_UNIT_FILE_BYTES) return err(`cannot edit ${path}: it is larger than 1 MiB, the limit for unit files`);
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(fd));
      return ok({ text, etag: etagOf(text) });
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ok(null);
    return err(`cannot read ${path}: ${error instanceof TypeError ? "it is not UTF-8 text" : wordsOf(error)}`);
  }
}

/**
 * Writes the text to a temporary file, and gives it the name of the file that it replaces. A crash or a power failure leaves the old
 * file or the new one. The new file has the mode and the owner of the old one. The daemon ignores names that begin with a dot.
 */
function replace(path: string, text: string, old: Stats | null): void {
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}`);
  try {
    const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      if (old !== null && (old.uid !== process.geteuid!() || old.gid !== process.getegid!())) fchownSync(fd, old.uid, old.gid);
      fchmodSync(fd, old === null ? 0o644 : old.mode & 0o777);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(directory); // makes the new name durable
  } finally {
    closeSync(directory);
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied (EACCES)",
  EPERM: "permission denied (EPERM)",
  EROFS: "the file system is read-only (EROFS)",
  ENOSPC: "no space is left on the disk (ENOSPC)",
  ELOOP: "it is a symbolic link (ELOOP)",
};

const wordsOf = (error: unknown): string => WORDS[(error as NodeJS.ErrnoException).code ?? ""] ?? (error as Error).message;

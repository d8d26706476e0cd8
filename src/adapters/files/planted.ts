import { lstatSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";

const WRITABLE_BY_ALL = 0o002;

/**
 * Returns the reason why root's daemon must not use this unit file, or null if it may. A file is refused if a user who should
 * not control its directory could have created it or can change it. The owner of a directory controls its content, and so
 * does its group if the group may write. In a directory that everybody can write to, such as one below /tmp, the owner of
 * each file counts instead. `file` is the status of the opened file.
 */
export function plantedBy(path: string, file: Pick<Stats, "uid" | "mode">, uid = process.geteuid?.()): string | null {
  if (uid !== 0) return null;
  if ((file.mode & WRITABLE_BY_ALL) !== 0) return "every user can write to it, and root's daemon would run what they write; try chmod o-w";
  const directory = statSync(dirname(path));
  if ((directory.mode & WRITABLE_BY_ALL) === 0) return null;
  const owners = [file.uid, lstatSync(path).uid]; // a link of another user leads where that user wants
  const stranger = owners.find((owner) => owner !== 0 && owner !== directory.uid);
  if (stranger === undefined) return null;
  return `user ${stranger} put it into a directory that everybody can write to, and root's daemon would run it; try chmod o-w ${dirname(path)}`;
}

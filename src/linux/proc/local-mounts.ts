/**
 * Distinguishes local file systems, on this machine's disks or in memory, from those that another machine or a process
 * serves. If a thread waits for such a server, its process cannot be killed. Therefore the daemon must avoid unnecessary
 * access to files there.
 */
import { readFileSync } from "node:fs";

const LOCAL: ReadonlySet<string> = new Set(
  "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jfs overlay ramfs reiserfs squashfs tmpfs vfat xfs zfs".split(" "),
);

/** Returns true if the path is below a mount of a local file system. Does not access the path itself, so links are not followed. */
export function isLocalPath(path: string, mountinfo = readMountinfo()): boolean {
  let [longest, type] = [-1, ""];
  for (const line of mountinfo.split("\n")) {
    const [place, rest] = line.split(" - ");
    const mount = unescaped(place!.split(" ")[4] ?? "");
    const isAbove = mount === "/" || path === mount || path.startsWith(`${mount}/`);
    // If two mounts are in the same place, the later one hides the earlier one.
    if (rest !== undefined && isAbove && mount.length >= longest) [longest, type] = [mount.length, rest.split(" ")[0]!];
  }
  return LOCAL.has(type);
}

export function readMountinfo(): string {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return ""; // no /proc: no path is known to be local
  }
}

/** Decodes blanks and backslashes, which the kernel writes as octal numbers. */
const unescaped = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

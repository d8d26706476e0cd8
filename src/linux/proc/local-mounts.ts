/**
 * Tells file systems of this machine's own disks and memory from those that another machine or another process answers for. A process
 * whose thread waits for the latter cannot be killed, so the daemon must not look at files there without need.
 */
import { readFileSync } from "node:fs";

const LOCAL: ReadonlySet<string> = new Set(
  "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jfs overlay ramfs reiserfs squashfs tmpfs vfat xfs zfs".split(" "),
);

/** Returns true if the path is below a mount of a local file system. Does not look at the path itself, so it follows no links. */
export function isLocalPath(path: string, mountinfo = readMountinfo()): boolean {
  let [longest, type] = [-1, ""];
  for (const line of mountinfo.split("\n")) {
    const [place, rest] = line.split(" - ");
    const mount = unescaped(place!.split(" ")[4] ?? "");
    const isAbove = mount === "/" || path === mount || path.startsWith(`${mount}/`);
    // Of two mounts in the same place, the later one hides the earlier one.
    if (rest !== undefined && isAbove && mount.length >= longest) [longest, type] = [mount.length, rest.split(" ")[0]!];
  }
  return LOCAL.has(type);
}

function readMountinfo(): string {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return ""; // no /proc: no path is known to be local
  }
}

/** The kernel writes blanks and backslashes as octal numbers. */
const unescaped = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/**
 * Facts about the daemon's process for `sup doctor`. Each function returns null if the process has ended or belongs to another
 * user.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Returns the hard limit of descriptors and the number of open ones. */
export function descriptorUsage(pid: number): { readonly hard: number; readonly open: number } | null {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")) ?? [];
    if (hard === undefined) return null;
    return { hard: hard === "unlimited" ? Infinity : Number(hard), open: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return null;
  }
}

/** Returns true if the executable file was replaced or removed after the process started. */
export function isExecutableReplaced(pid: number): boolean | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith(" (deleted)");
  } catch {
    return null;
  }
}

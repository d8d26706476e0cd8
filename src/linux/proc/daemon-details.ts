/** What can be seen of another process from outside, for `sup doctor`. Null: it cannot be seen (gone, or another user's). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** How many descriptors it may have at most, and how many it has. */
export function descriptorUsage(pid: number): { readonly hard: number; readonly open: number } | null {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")) ?? [];
    if (hard === undefined) return null;
    return { hard: hard === "unlimited" ? Infinity : Number(hard), open: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return null;
  }
}

/** True when the file that it executes was replaced or removed since. */
export function isExecutableReplaced(pid: number): boolean | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith(" (deleted)");
  } catch {
    return null;
  }
}

/** Facts about the daemon's process for `sup doctor`. Null: unknown, because it has ended or belongs to another user. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The hard limit of descriptors, and how many are open. */
export function descriptorUsage(pid: number): { readonly hard: number; readonly open: number } | null {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")) ?? [];
    if (hard === undefined) return null;
    return { hard: hard === "unlimited" ? Infinity : Number(hard), open: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return null;
  }
}

/** True when its executable file was replaced or removed after it started. */
export function isExecutableReplaced(pid: number): boolean | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith(" (deleted)");
  } catch {
    return null;
  }
}

import { join, resolve } from "node:path";
import { sleeper, type UnitFile } from "../harness/services.ts";
import type { Kind } from "./text.ts";

const script = (name: string): string => resolve(import.meta.dir, name);
const forEver = (retry_delay: number): UnitFile => ({ max_retries: -1, retry_delay, backoff_multiplier: 1 });

/** The writers and their log settings: one is compressed after each rotation, one rotates too often for that, others are raw or rate-limited. */
const WRITERS: Readonly<Record<string, readonly [kind: Kind, log: UnitFile]>> = {
  "writes-lines": ["lines", { max_size_mb: 10, keep: 5 }],
  "writes-mixed": ["mixed", { max_size_mb: 4, keep: 3 }],
  "writes-bytes": ["bytes", { max_size_mb: 10, keep: 3, compress: false }],
  "writes-long": ["long", { max_size_mb: 10, keep: 3 }],
  "writes-raw": ["mixed", { format: "raw", max_size_mb: 10, keep: 3 }],
  "writes-limited": ["lines", { max_size_mb: 10, keep: 2, rate_limit: 1_000_000 }],
};
export const WRITING: readonly string[] = Object.keys(WRITERS);
export const TALKING: readonly string[] = Array.from({ length: 12 }, (_, n) => `talks-${n + 1}`);
export const SLEEPING: readonly string[] = Array.from({ length: 40 }, (_, n) => `sleeps-${n + 1}`);

export const DYING: readonly string[] = Array.from({ length: 10 }, (_, n) => `dies-${n + 1}`);

export const ordersOf = (home: string, unit: string): string => join(home, `${unit}.orders`);
export const doneOf = (home: string, unit: string): string => join(home, `${unit}.done`);

/** `checked`: the address that http checks probe; it answers sometimes with success, sometimes with an error. */
export function unitsOf(home: string, seed: number, checked: string): Record<string, UnitFile> {
  const units: Record<string, UnitFile> = {};
  const program = (name: string, args: readonly string[], more: UnitFile): UnitFile => ({
    enabled: true,
    command: process.execPath,
    args: [script(name), ...args],
    ...more,
  });
  for (const [i, unit] of WRITING.entries()) {
    const [kind, log] = WRITERS[unit]!;
    units[unit] = program("writer.ts", [kind, String(seed + i), ordersOf(home, unit), doneOf(home, unit)], { log });
  }
  for (const unit of TALKING) units[unit] = program("talker.ts", [ordersOf(home, unit), doneOf(home, unit)], { type: "notify" });
  for (const unit of SLEEPING) units[unit] = sleeper({ enabled: true, groups: ["sleepers"] });
  for (const [n, unit] of DYING.entries()) {
    const dies = { command: "/bin/sh", args: ["-c", "echo dying >&2; exit 3"], restart_policy: forEver(0.5 + n / 10) };
    units[unit] = { enabled: true, type: "oneshot", ...dies };
  }
  for (let n = 1; n <= 20; n++) {
    const health_check = { type: "http", endpoint: `${checked}/${n}`, interval: 1, failure_threshold: 1, action: "none" };
    units[`wavers-${n}`] = sleeper({ enabled: true, health_check });
  }
  return units;
}

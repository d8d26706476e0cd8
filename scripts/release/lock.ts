import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface LockEntry {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Reads package-lock.json. Its keys are paths, such as `node_modules/zod`. */
export const lockOf = (root: string): { readonly packages: Readonly<Record<string, LockEntry>> } =>
  JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, LockEntry> };

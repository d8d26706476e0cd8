import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** A project as the checks see it: path from its root (`src/base/result.ts`) → text. Binary files are left out. */
export type Tree = ReadonlyMap<string, string>;

export interface Finding {
  readonly path: string;
  /** From 1; 0 is the whole file. */
  readonly line: number;
  readonly message: string;
}

export const PROJECT = resolve(import.meta.dir, "../..");

const SKIPPED = /^(?:node_modules|dist|\.git|\.sup-build)\//;
const BINARY = /\.(?:png|ico|woff2?|zst|gz|db)$|^\.git$/;

/** Reads every file that is, or may become, part of the repository. */
export function readTree(root: string = PROJECT): Tree {
  const tree = new Map<string, string>();
  for (const path of new Bun.Glob("**/*").scanSync({ cwd: root, dot: true, onlyFiles: true })) {
    if (!SKIPPED.test(path) && !BINARY.test(path)) tree.set(path, readFileSync(`${root}/${path}`, "utf8"));
  }
  return tree;
}

/** For samples in tests: the same shape from a plain object. */
export const treeOf = (files: Record<string, string>): Tree => new Map(Object.entries(files));

export const isCode = (path: string): boolean => /\.tsx?$/.test(path);

/** The line (from 1) of an offset. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;

/** `src/core/step.ts:12 message`, one a line; "" when there is nothing to say, so that a test can compare with "". */
export const report = (findings: readonly Finding[]): string =>
  findings.map(({ path, line, message }) => `${path}${line > 0 ? `:${line}` : ""} ${message}`).join("\n");

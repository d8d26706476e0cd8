import { lineAt, type Finding, type Tree } from "./tree.ts";

/** A document for readers: in the root or directly in docs. */
const DOCUMENT = /^(?:docs\/)?[\w-]+\.md$/;

/**
 * `src/…`, `test/…`, `scripts/…` or `bench/…`, alone or after `./`, but not inside another path (`/etc/src/…`, `~/test/…`). `*` and
 * `**` are globs.
 */
const PATH = /(?<![\w./~$-])(?:\.\/)?((?:src|test|scripts|bench)\/[\w./*@-]*)/g;

/** A path that a document mentions must exist, so that a move of files cannot leave the documents behind. */
export function checkPaths(tree: Tree): Finding[] {
  const existing = new Set<string>();
  for (const path of tree.keys()) {
    const parts = path.split("/");
    for (let n = 1; n <= parts.length; n++) existing.add(parts.slice(0, n).join("/"));
  }
  const exists = (path: string): boolean =>
    path.includes("*") ? [...existing].some((one) => new Bun.Glob(path).match(one)) : existing.has(path);
  const findings: Finding[] = [];
  for (const [document, text] of tree) {
    if (!DOCUMENT.test(document)) continue;
    for (const { 1: mentioned, index } of text.matchAll(PATH)) {
      const path = mentioned!.replace(/[./]+$/, ""); // the end of a sentence, or of a folder
      if (!exists(path)) findings.push({ path: document, line: lineAt(text, index), message: `mentions ${path}, which does not exist` });
    }
  }
  return findings;
}

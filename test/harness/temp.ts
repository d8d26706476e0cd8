import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempDir extends Disposable {
  readonly path: string;
}

/** A fresh directory, 0700, removed at the end of the scope: `using dir = tempDir();`. Short, for socket paths. */
export function tempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), "sup-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

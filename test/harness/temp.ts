import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempDir extends Disposable {
  readonly path: string;
}

/** A fresh directory, 0700, removed at the end of the scope: `using dir = tempDir();`. Short, for socket paths. */
export function tempDir(parent = tmpdir()): TempDir {
  const path = mkdtempSync(join(parent, "sup-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const MEMORY = "/dev/shm";

/**
 * The same in memory, where the machine has such a place: for what waits for the disk hundreds of times and whose point is not the
 * disk. Beside somebody who writes as fast as he can, one fsync(2) takes a tenth of a second.
 */
export function memoryDir(): TempDir {
  try {
    accessSync(MEMORY, constants.W_OK);
    return tempDir(MEMORY);
  } catch {
    return tempDir();
  }
}

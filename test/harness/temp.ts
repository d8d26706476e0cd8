import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempDir extends Disposable {
  readonly path: string;
}

/**
 * Creates a directory with mode 0700, which is removed at the end of the scope: `using dir = tempDir();`. The path is short
 * enough for sockets.
 */
export function tempDir(parent = tmpdir()): TempDir {
  const path = mkdtempSync(join(parent, "sup-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const MEMORY = "/dev/shm";

/**
 * Like `tempDir`, but in memory if the machine has /dev/shm. It is for tests that call fsync(2) hundreds of times and do not test
 * the disk, because one fsync(2) takes a tenth of a second while another process writes at full speed.
 */
export function memoryDir(): TempDir {
  try {
    accessSync(MEMORY, constants.W_OK);
    return tempDir(MEMORY);
  } catch {
    return tempDir();
  }
}

import { constants, type Stats } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { isSameFile, type FileState } from "../../core/explain/fingerprint.ts";
import { isLocalPath, readMountinfo } from "../../linux/proc/local-mounts.ts";
import { commandCandidates } from "../../linux/spawn/find-command.ts";
import type { FileStates, FoundFile } from "../../ports/file-states.ts";

/** A file system that takes longer than this counts as unresponsive. */
const DEADLINE_MS = 5000;
const MAX_HASHED_BYTES = 1 << 30;
/** Size of one piece to hash. A piece blocks the event loop for about a third of a millisecond. */
const PIECE_BYTES = 256 * 1024;
/** Reading the table of mounts takes 40 µs, and a daemon that starts 2,000 units looks up thousands of paths. */
const MOUNTS_MS = 1000;

export function openFileStates(deadlineMs = DEADLINE_MS): FileStates {
  const guard = new Guard(deadlineMs);
  const isLocal = localMounts();
  const state = (path: string): Promise<FileState | "missing" | null> => guard.run(() => stateOf(path));
  return {
    state,
    isLocal,
    realPath: (path) => guard.run(() => realpath(path)),
    hash: async (path, expected) => (isLocal(path) ? hashOf(path, expected, guard) : null),
    async executable(command, searchPath, directory) {
      let first: FoundFile | null = null;
      for (const path of commandCandidates(command, searchPath, directory)) {
        const found = { path, state: await state(path) };
        if (typeof found.state === "object" && found.state !== null) return found;
        first ??= found;
      }
      return first;
    },
  };
}

/** Returns a function like `isLocalPath` that reads the table of mounts at most once a second. */
function localMounts(): (path: string) => boolean {
  let [mountinfo, validToMs] = ["", 0];
  return (path) => {
    const now = performance.now();
    if (now >= validToMs) [mountinfo, validToMs] = [readMountinfo(), now + MOUNTS_MS];
    return isLocalPath(path, mountinfo);
  };
}

/**
 * Limits how long an operation may take. An operation on an unresponsive file system occupies a thread of the pool until the
 * file system answers. Therefore no further operation begins until then.
 */
class Guard {
  readonly #deadlineMs: number;
  #stuck = 0;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /**
   * Returns the result of an operation, or null if the operation fails, takes too long, or cannot begin. A late result is
   * passed to `onLate`.
   */
  async run<T>(begin: () => Promise<T>, onLate?: (value: T) => void): Promise<T | null> {
    if (this.#stuck > 0) return null;
    const result = begin().catch(() => null);
    const late = Promise.withResolvers<null>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#stuck++;
      late.resolve(null);
    }, this.#deadlineMs);
    void result.then((value) => {
      clearTimeout(timer);
      if (!isLate) return;
      this.#stuck--;
      if (value !== null) onLate?.(value);
    });
    return Promise.race([result, late.promise]);
  }
}

async function stateOf(path: string): Promise<FileState | "missing" | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? stateFrom(found) : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? "missing" : null;
  }
}

const stateFrom = (found: Stats): FileState => ({
  id: `${found.dev}:${found.ino}`,
  sizeBytes: found.size,
  modifiedMs: Math.floor(found.mtimeMs),
  changedMs: Math.floor(found.ctimeMs),
  content: null,
});

let spare: Buffer | null = null;

async function hashOf(path: string, expected: FileState, guard: Guard): Promise<string | null> {
  if (expected.sizeBytes > MAX_HASHED_BYTES) return null;
  const close = (opened: FileHandle): void => void opened.close().catch(() => {}); // a file that was only read
  const file = await guard.run(() => open(path, constants.O_RDONLY | constants.O_NONBLOCK), close); // opening a FIFO must not block
  if (file === null) return null;
  try {
    const isExpected = async (): Promise<boolean> => {
      const found = await guard.run(() => file.stat());
      return found?.isFile() === true && isSameFile(stateFrom(found), expected);
    };
    if (!(await isExpected())) return null;
    const hasher = new Bun.CryptoHasher("sha256");
    // One buffer is used again and again, because buffers for 2,000 units would be half a gigabyte of garbage.
    const buffer = spare ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
    spare = null;
    for (let position = 0; position < expected.sizeBytes;) {
      const piece = await guard.run(() => file.read(buffer, 0, buffer.length, position));
      if (piece === null || piece.bytesRead === 0) return null;
      hasher.update(buffer.subarray(0, piece.bytesRead));
      position += piece.bytesRead;
    }
    spare = buffer; // not if a read failed, because a late read may still write into it
    return (await isExpected()) ? hasher.digest("hex") : null;
  } finally {
    close(file);
  }
}

/**
 * The file `keeper` in the runtime directory says which descriptor of the keeper is which. The next daemon reads it to take the
 * descriptors over. It consists of records of equal length; the first names the keeper processes, and the others hold the keys of the
 * slots in order. The next daemon may be of another version, so neither this format nor FIRST_SLOT can change.
 */
import { ftruncateSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { libc, O, O_NOFOLLOW, open } from "../ffi/libc.ts";

/** The number of the keeper's first descriptor that is held for the daemon. */
export const FIRST_SLOT = 128;

/** The name of the keeper process, in ps and in the file. */
export const KEEPER_NAME = "sup-keeper";

export interface KeeperId {
  readonly pid: number;
  readonly startTicks: number;
}

export const keeperPath = (runtimeDir: string): string => join(runtimeDir, "keeper");

/** The length of a record, which is a key padded with spaces, and a newline. */
const RECORD_BYTES = 512;

export class KeeperFile {
  /** The descriptor of the file. It is -1 if the file cannot be written; then nothing is recorded and no keeper is started. */
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = open(path, O.RDWR | O.CREAT | O_NOFOLLOW, 0o600);
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  writeKeepers(keepers: readonly KeeperId[]): void {
    this.#write(0, keepers.map(({ pid, startTicks }) => `${KEEPER_NAME} ${pid} ${startTicks}`).join(" "));
  }

  writeSlot(slot: number, key: string): void {
    this.#write(slot - FIRST_SLOT + 1, key);
  }

  clear(): void {
    ftruncateSync(this.#fd, 0);
  }

  close(): void {
    libc.close(this.#fd);
  }

  #write(index: number, content: string): void {
    try {
      if (this.#fd >= 0) writeSync(this.#fd, `${content.padEnd(RECORD_BYTES - 1)}\n`, index * RECORD_BYTES, "latin1");
    } catch {
      // The disk is full, so the next daemon will not find this descriptor.
    }
  }
}

/** Reads the file that the previous daemon wrote. */
export function readKeeperFile(path: string): { readonly keepers: readonly KeeperId[]; readonly slots: ReadonlyMap<string, number> } {
  const [first = "", ...keys] = readRecords(path);
  const keepers = [...first.matchAll(/sup-keeper (\d+) (\d+)/g)].map(([, pid, ticks]) => ({ pid: Number(pid), startTicks: Number(ticks) }));
  return { keepers, slots: new Map(keys.flatMap((key, i) => (key === "" ? [] : [[key, FIRST_SLOT + i] as const]))) };
}

function readRecords(path: string): string[] {
  try {
    return readFileSync(path, "latin1")
      .split("\n")
      .map((record) => record.trimEnd());
  } catch {
    return []; // the first daemon in this directory
  }
}

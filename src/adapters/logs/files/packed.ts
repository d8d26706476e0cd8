/** Compressed rotated files as sequences of blocks that can be read independently. */
import type { Compression } from "../../../spec/spec.ts";
import { gzipMembers } from "./gzip.ts";
import { zstdFrames } from "./zstd.ts";

/** Blocks of about 1 MiB of text each. A line may begin in one block and end in the next. */
export interface Blocks {
  readonly count: number;
  text(index: number): Buffer;
}

export type ReadAt = (at: number, length: number) => Buffer;

/** sup never writes a block with more compressed bytes than this. */
const BLOCK_BYTES = 16 << 20;
/** Maximum number of bytes of text in a gzip file that another program wrote, because such a file can only be read as a whole. */
const FOREIGN_TEXT_BYTES = 128 << 20;

/**
 * Returns the blocks of a compressed file. A damaged file yields the blocks in front of the damage, and a file of another format
 * yields none.
 */
export function packedBlocks(format: Compression, size: number, read: ReadAt): Blocks {
  if (format === "zstd") return blocksOf(zstdFrames(size, read) ?? [], read, (bytes) => Buffer.from(Bun.zstdDecompressSync(bytes)));
  const members = gzipMembers(size, read);
  if (members !== null) return blocksOf(members, read, (bytes) => zlib().gunzipSync(bytes));
  return { count: 1, text: () => unpacked(read(0, Math.min(size, BLOCK_BYTES)), gunzipWhatIsThere) };
}

function gunzipWhatIsThere(bytes: Buffer): Buffer {
  const { constants, gunzipSync } = zlib();
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: FOREIGN_TEXT_BYTES });
}

/** Loaded on demand, because it takes 1.7 MB of memory and few services write gzip files. */
const zlib = (): typeof import("node:zlib") => require("node:zlib");

function blocksOf(places: ReadonlyArray<readonly [from: number, to: number]>, read: ReadAt, unpack: (bytes: Buffer) => Buffer): Blocks {
  return {
    count: places.length,
    text(index) {
      const [from, to] = places[index]!;
      return to - from > BLOCK_BYTES ? NOTHING : unpacked(read(from, to - from), unpack);
    },
  };
}

function unpacked(bytes: Buffer, unpack: (bytes: Buffer) => Buffer): Buffer {
  try {
    return unpack(bytes);
  } catch {
    return NOTHING;
  }
}

const NOTHING = Buffer.alloc(0);

/** Finds where the frames of a .zst file begin and end (RFC 8878), so that it can be read backwards, frame by frame. */

const MAGIC = 0xfd2fb528;
/** The first of the 16 magic numbers of skippable frames, which differ only in the lowest 4 bits. */
const SKIPPABLE = 0x184d2a50;

/** Returns start and end of every frame, or null if the file is not a complete sequence of frames. `read` returns bytes at an offset. */
export function zstdFrames(size: number, read: (at: number, length: number) => Buffer): Array<readonly [from: number, to: number]> | null {
  const frames: Array<readonly [number, number]> = [];
  for (let at = 0; at < size;) {
    const end = frameEnd(at, read);
    if (end === null || end > size) return null;
    if (end > 0 && read(at, 4).readUInt32LE(0) === MAGIC) frames.push([at, end]);
    at = end;
  }
  return frames;
}

function frameEnd(start: number, read: (at: number, length: number) => Buffer): number | null {
  const head = read(start, 8);
  if (head.length < 5) return null;
  const magic = head.readUInt32LE(0);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) return head.length < 8 ? null : start + 8 + head.readUInt32LE(4);
  if (magic !== MAGIC) return null;
  const descriptor = head[4]!;
  let at = start + 5 + headerBytes(descriptor);
  for (;;) {
    const block = read(at, 3);
    if (block.length < 3) return null;
    const word = block.readUIntLE(0, 3);
    const type = (word >> 1) & 3;
    at += 3 + (type === 1 ? 1 : word >> 3); // an RLE block holds one byte
    if (word & 1) break;
  }
  return at + (descriptor & 4 ? 4 : 0);
}

/** Returns the number of bytes of the header after the descriptor: window, dictionary id and content size. */
function headerBytes(descriptor: number): number {
  const single = (descriptor >> 5) & 1;
  const sizeFlag = descriptor >> 6;
  const contentSize = sizeFlag === 0 ? single : [0, 2, 4, 8][sizeFlag]!;
  return (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]! + contentSize;
}

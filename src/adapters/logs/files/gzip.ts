/**
 * Gzip files as sequences of members (RFC 1952). Each member contains its own length in an extra field, so that sup can read the
 * file backwards, member by member. Every gzip program reads the sequence as one file and ignores the field.
 */

/**
 * The beginning of the extra field: the id "SU", and the number of bytes that follow. These 4 bytes contain the length of the
 * whole member.
 */
const FIELD = Buffer.from([0x53, 0x55, 4, 0]);
const FIELD_BYTES = FIELD.length + 4;
const HEAD_BYTES = 10;
const TEXT_AT = HEAD_BYTES + 2 + FIELD_BYTES;
const HAS_EXTRA = 4;
const FLAGS_AT = 3;

export async function gzipMember(text: Uint8Array): Promise<Buffer> {
  const { gzip } = await import("node:zlib"); // loaded on demand, because it takes 1.7 MB of memory
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  gzip(text, (error, packed) => (error ? reject(error) : resolve(packed)));
  const plain = await promise;
  const head = Buffer.alloc(TEXT_AT);
  plain.copy(head, 0, 0, HEAD_BYTES);
  head[FLAGS_AT] = HAS_EXTRA;
  head.writeUInt16LE(FIELD_BYTES, HEAD_BYTES);
  FIELD.copy(head, HEAD_BYTES + 2);
  head.writeUInt32LE(TEXT_AT + plain.length - HEAD_BYTES, TEXT_AT - 4);
  return Buffer.concat([head, plain.subarray(HEAD_BYTES)]);
}

/**
 * Returns start and end of every member. Returns null if sup did not write the file, or did not write all of it. `read` returns
 * bytes at an offset.
 */
export function gzipMembers(size: number, read: (at: number, length: number) => Buffer): Array<readonly [from: number, to: number]> | null {
  const members: Array<readonly [number, number]> = [];
  for (let at = 0; at < size;) {
    const head = read(at, TEXT_AT);
    const ours = head.length === TEXT_AT && head.readUInt16BE(0) === 0x1f8b && head[FLAGS_AT] === HAS_EXTRA;
    if (
      !ours ||
      head.readUInt16LE(HEAD_BYTES) !== FIELD_BYTES ||
      !head
        .subarray(HEAD_BYTES + 2)
        .subarray(0, 4)
        .equals(FIELD)
    )
      return null;
    const end = at + head.readUInt32LE(TEXT_AT - 4);
    if (end <= at + TEXT_AT || end > size) return null;
    members.push([at, end]);
    at = end;
  }
  return members;
}

/**
 * The layouts of struct msghdr and struct cmsghdr on 64-bit Linux: sendmsg(2), recvmsg(2), cmsg(3). keeper.ts checks them against
 * C.
 */
import { ptr } from "bun:ffi";

/** Offsets in struct msghdr, in bytes. */
export const MSGHDR = { sizeBytes: 56, parts: 16, count: 24, control: 32, controlLength: 40, flags: 48 } as const;

/** Offsets in struct cmsghdr, in bytes. The data follows the header and is padded to a multiple of 8. */
export const CMSGHDR = { sizeBytes: 16, length: 0, level: 8, type: 12 } as const;

export const SOL_SOCKET = 1;
export const SCM_RIGHTS = 1;

/**
 * Fills a header for one message part (a struct iovec) and control data, which may be null. The header has no address, because
 * the socket is either connected or only receives.
 */
export function fillMsghdr(header: Buffer, part: BigUint64Array, control: Buffer | null): void {
  header.fill(0);
  header.writeBigUInt64LE(BigInt(ptr(part)), MSGHDR.parts);
  header.writeBigUInt64LE(1n, MSGHDR.count);
  if (control === null) return;
  header.writeBigUInt64LE(BigInt(ptr(control)), MSGHDR.control);
  header.writeBigUInt64LE(BigInt(control.length), MSGHDR.controlLength);
}

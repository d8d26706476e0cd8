import { ptr } from "bun:ffi";
import { libc, O, SYSCALL, syscall } from "../ffi/libc.ts";

// linux/userfaultfd.h
const USER_MODE_ONLY = 1;
const API = 0xaan;
const API_IOCTL = 0xc018aa3f;
const REGISTER_IOCTL = 0xc020aa00;
const FEATURE_WP_ASYNC = 1n << 15n;
const MODE_WP = 2n;

/**
 * Makes the kernel map only the pages of these ranges that are really used. Normally, each page fault in a mapped file also maps the
 * other pages within 64 KiB that are in the page cache, and all of them count as memory of this process.
 *
 * The kernel leaves these pages out in a range that is registered for write protection with userfaultfd(2). No page is ever protected
 * here, so nothing else changes. Before Linux 6.7, and where a sandbox forbids the call, this function has no effect. The descriptor
 * stays open, because the ranges stay registered only until it is closed. execve(2) closes it.
 */
export function mapOnlyUsedPages(ranges: ReadonlyArray<readonly [from: number, to: number]>): void {
  const fd = syscall(SYSCALL.userfaultfd, O.CLOEXEC | O.NONBLOCK | USER_MODE_ONLY);
  if (fd < 0) return;
  const isSupported = libc.ioctl(fd, API_IOCTL, ptr(new BigUint64Array([API, FEATURE_WP_ASYNC, 0n]))) === 0;
  if (!isSupported) return void libc.close(fd);
  for (const [from, to] of ranges) libc.ioctl(fd, REGISTER_IOCTL, ptr(new BigUint64Array([BigInt(from), BigInt(to - from), MODE_WP, 0n])));
}

/**
 * Resource limits with the names that unit files use. A name is that of setrlimit(2) without the prefix RLIMIT_, in lower case. The
 * numbers are those of asm-generic.
 */
import { ptr } from "bun:ffi";
import { libc } from "../ffi/libc.ts";

export const RLIMITS: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

/** A resource limit. Null means unlimited. */
export interface Rlimit {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** The constant RLIM_INFINITY. */
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

export const toKernel = (value: number | null): bigint => (value === null ? UNLIMITED : BigInt(Math.trunc(value)));

/** Returns the daemon's own limit. */
export function ownLimit(name: string): Rlimit {
  const pair = new BigUint64Array(2);
  libc.getrlimit(RLIMITS[name]!, ptr(pair));
  const [soft, hard] = pair as unknown as [bigint, bigint];
  return { soft: fromKernel(soft), hard: fromKernel(hard) };
}

const fromKernel = (value: bigint): number | null => (value === UNLIMITED ? null : Number(value));

/**
 * Returns the `nofile` limit of a service whose unit sets none. Bun raises the daemon's soft limit to the hard limit before
 * any of our code runs, so the soft limit with which the daemon was started is unknown. Therefore the soft limit is 1024. It
 * is the default of the kernel, login shells and systemd, and programs that use select(2) need it.
 */
export function defaultNofile(): Rlimit {
  const { hard } = ownLimit("nofile");
  return { soft: hard === null ? 1024 : Math.min(1024, hard), hard };
}

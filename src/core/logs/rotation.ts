/**
 * File names of rotated logs. A rotation renames `web.log` to `web.log.1`, `web.log.1` to `web.log.2` and so on, and deletes
 * the oldest file. Compressed files have names such as `web.log.2.zst`.
 */
import type { Compression } from "../../spec/spec.ts";

export interface Rotated {
  /** The number in the file name. The newest file has number 1. */
  readonly number: number;
  readonly compressed: Compression | false;
}

export const COMPRESSIONS = ["zstd", "gzip"] as const satisfies readonly Compression[];

const ENDINGS = { zstd: ".zst", gzip: ".gz" } as const satisfies Record<Compression, string>;

export const rotatedName = (current: string, { number, compressed }: Rotated): string =>
  `${current}.${number}${compressed ? ENDINGS[compressed] : ""}`;

/** Returns the name of a compressed file while it is being written. A file of this name that a crash left behind is deleted. */
export const unfinishedName = (current: string, format: Compression): string => `${current}${ENDINGS[format]}.unfinished`;

/** Parses a name such as `web.log.3.zst` or `web.log.3.gz` as a rotated file of `web.log`. Returns null if the name is not one. */
export function parseRotated(current: string, name: string): Rotated | null {
  if (!name.startsWith(`${current}.`)) return null;
  const match = /^([1-9]\d{0,5})(\.zst|\.gz)?$/.exec(name.slice(current.length + 1));
  if (!match) return null;
  return { number: Number(match[1]), compressed: match[2] === undefined ? false : match[2] === ENDINGS.gzip ? "gzip" : "zstd" };
}

/**
 * Returns the unit that a log file belongs to, for example `web` for `web.log` and `web.log.3.zst`. Returns null if it is not
 * a log file.
 */
export function unitOfLog(name: string): string | null {
  const end = name.lastIndexOf(".log");
  if (end <= 0) return null;
  const current = name.slice(0, end + 4);
  return name === current || parseRotated(current, name) !== null ? name.slice(0, end) : null;
}

export interface RotatedFiles {
  /** The rotated files, newest first. */
  readonly files: readonly Rotated[];
  /** Uncompressed files whose compressed copy is complete. They still exist because of a crash before they were deleted. */
  readonly twins: readonly Rotated[];
}

/** Finds the rotated files of `current` among the file names of a directory. */
export function findRotated(current: string, names: Iterable<string>): RotatedFiles {
  const found = new Map<number, Rotated>();
  const twins: Rotated[] = [];
  for (const name of names) {
    const rotated = parseRotated(current, name);
    if (!rotated) continue;
    const other = found.get(rotated.number);
    if (!other?.compressed) found.set(rotated.number, rotated.compressed || !other ? rotated : other);
    if (other && !(other.compressed && rotated.compressed)) twins.push({ number: rotated.number, compressed: false });
  }
  return { files: [...found.values()].sort((a, b) => a.number - b.number), twins };
}

export type RotationStep =
  { readonly do: "delete"; readonly file: Rotated } | { readonly do: "move"; readonly file: Rotated; readonly to: number };

/**
 * Plans the steps that make number 1 free. The oldest file comes first, so that no step overwrites a file. A crash between
 * two steps only leaves a gap in the numbers. If `keep` is 0, the caller deletes the current file instead of renaming it.
 */
export function planRotation(files: readonly Rotated[], keep: number): RotationStep[] {
  const oldestFirst = [...files].sort((a, b) => b.number - a.number);
  return oldestFirst.map((file) => (file.number >= keep ? { do: "delete", file } : { do: "move", file, to: file.number + 1 }));
}

/** Rotation as file names: `web.log` → `web.log.1` → `web.log.2.zst` … and the oldest goes. */
import type { Compression } from "../../spec/spec.ts";

export interface Rotated {
  /** 1 is the newest. */
  readonly number: number;
  readonly compressed: Compression | false;
}

export const COMPRESSIONS = ["zstd", "gzip"] as const satisfies readonly Compression[];

const ENDINGS = { zstd: ".zst", gzip: ".gz" } as const satisfies Record<Compression, string>;

export const rotatedName = (current: string, { number, compressed }: Rotated): string =>
  `${current}.${number}${compressed ? ENDINGS[compressed] : ""}`;

/** A compressed file while it is being written; what a crash leaves behind is deleted. */
export const unfinishedName = (current: string, format: Compression): string => `${current}${ENDINGS[format]}.unfinished`;

/** `web.log.3.zst` or `web.log.3.gz` of the log `web.log`; null when it is none of its rotations. */
export function parseRotated(current: string, name: string): Rotated | null {
  if (!name.startsWith(`${current}.`)) return null;
  const match = /^([1-9]\d{0,5})(\.zst|\.gz)?$/.exec(name.slice(current.length + 1));
  if (!match) return null;
  return { number: Number(match[1]), compressed: match[2] === undefined ? false : match[2] === ENDINGS.gzip ? "gzip" : "zstd" };
}

/** Whose log a file of the log directory is, by its name: `web` of `web.log` and `web.log.3.zst`; null when it is none. */
export function unitOfLog(name: string): string | null {
  const end = name.lastIndexOf(".log");
  if (end <= 0) return null;
  const current = name.slice(0, end + 4);
  return name === current || parseRotated(current, name) !== null ? name.slice(0, end) : null;
}

export interface RotatedFiles {
  /** Newest first. */
  readonly files: readonly Rotated[];
  /** Plain files whose compressed twin is complete: a crash came between the rename and the deletion. */
  readonly twins: readonly Rotated[];
}

/** The rotations of `current` among the names of a directory. */
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
 * What makes room for a new number 1, in an order in which no step overwrites a file: oldest first. A crash between two
 * steps leaves a gap in the numbers and nothing else. With `keep` 0 the current file is to be deleted, not moved.
 */
export function planRotation(files: readonly Rotated[], keep: number): RotationStep[] {
  const oldestFirst = [...files].sort((a, b) => b.number - a.number);
  return oldestFirst.map((file) => (file.number >= keep ? { do: "delete", file } : { do: "move", file, to: file.number + 1 }));
}

/**
 * Compresses rotated files, one at a time for all units, without blocking the event loop. A compressed file is a sequence of zstd
 * frames or gzip members, each with 1 MiB of text. Any zstd or gzip program reads the sequence as one file, and sup can read it
 * backwards, frame by frame.
 */
import { closeSync, constants, fstatSync, read, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { unfinishedName } from "../../../core/logs/rotation.ts";
import { openOwnFile } from "../../../linux/io/regular-files.ts";
import type { Compression } from "../../../spec/spec.ts";
import { gzipMember } from "./gzip.ts";
import { shareLike } from "./sharing.ts";
import type { RotatedFile, RotatedSet } from "./rotated.ts";

/** Both functions compress on a separate thread. */
const PACK: Readonly<Record<Compression, (text: Uint8Array) => Promise<Uint8Array>>> = {
  zstd: (text) => Bun.zstdCompress(text),
  gzip: gzipMember,
};

const FRAME_TEXT_BYTES = 1 << 20;
/**
 * Milliseconds without a rotation after which compression starts. Files of a log that rotates more often are deleted before
 * anybody reads them, so that compressing them would waste CPU time.
 */
const QUIET_MS = 250;

export interface CompressJob {
  readonly directory: string;
  readonly current: string;
  readonly rotated: RotatedSet;
  readonly format: Compression;
}

export class Compressor {
  readonly #waiting = new Map<RotatedSet, { job: CompressJob; timer: Timer | null }>();
  #working: Promise<void> | null = null;
  #stopped = false;
  readonly #onProblem: (message: string) => void;

  constructor(onProblem: (message: string) => void) {
    this.#onProblem = onProblem;
  }

  /** Compresses the files that are not compressed yet, once the log has not rotated for QUIET_MS. */
  request(job: CompressJob): void {
    if (this.#stopped) return;
    clearTimeout(this.#waiting.get(job.rotated)?.timer ?? undefined);
    const timer = setTimeout(() => {
      const entry = this.#waiting.get(job.rotated);
      if (entry) entry.timer = null;
      if (this.#working === null) this.#working = this.#work().finally(() => (this.#working = null));
    }, QUIET_MS);
    timer.unref();
    this.#waiting.set(job.rotated, { job, timer });
  }

  forget(rotated: RotatedSet): void {
    clearTimeout(this.#waiting.get(rotated)?.timer ?? undefined);
    this.#waiting.delete(rotated);
  }

  stop(): void {
    this.#stopped = true;
    for (const rotated of [...this.#waiting.keys()]) this.forget(rotated);
  }

  async #work(): Promise<void> {
    for (;;) {
      const ready = [...this.#waiting.values()].find((entry) => entry.timer === null);
      if (!ready) return;
      const file = ready.job.rotated.files.find((one) => !one.compressed);
      if (!file) this.#waiting.delete(ready.job.rotated);
      else await this.#compress(ready.job, file);
    }
  }

  async #compress(job: CompressJob, file: RotatedFile): Promise<void> {
    const unfinished = join(job.directory, unfinishedName(job.current, job.format));
    try {
      rmSync(unfinished, { force: true });
      await writePacked(job.format, job.rotated.pathOf(file), unfinished, () => this.#stopped || file.gone);
      if (this.#stopped || file.gone) return rmSync(unfinished, { force: true });
      // The rest is synchronous, so that no rotation can happen in between.
      const plain = job.rotated.pathOf(file);
      renameSync(unfinished, job.rotated.pathOf({ number: file.number, compressed: job.format }));
      file.compressed = job.format;
      rmSync(plain, { force: true });
    } catch (error) {
      rmSync(unfinished, { force: true });
      // The next rotation requests a retry, and may have done so already.
      if (this.#waiting.get(job.rotated)?.timer === null) this.#waiting.delete(job.rotated);
      this.#onProblem(`cannot compress a rotated file of ${job.current}: ${(error as Error).message}`);
    }
  }
}

/**
 * Compresses a file until `ended` returns true. Opens the source synchronously, because after a rotation its name belongs to
 * another file.
 */
async function writePacked(format: Compression, source: string, target: string, ended: () => boolean): Promise<void> {
  const from = openOwnFile(source, constants.O_RDONLY);
  try {
    await using to = await open(target, "wx", 0o600);
    const text = Buffer.allocUnsafe(FRAME_TEXT_BYTES);
    for (;;) {
      const bytesRead = await readSome(from, text);
      if (bytesRead === 0 || ended()) break;
      await to.writeFile(await PACK[format](text.subarray(0, bytesRead)));
    }
    const { atime, mtime } = fstatSync(from);
    shareLike(from, to.fd);
    await to.utimes(atime, mtime);
    await to.sync();
  } finally {
    closeSync(from);
  }
}

function readSome(fd: number, into: Buffer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  read(fd, into, 0, into.length, null, (error, bytesRead) => (error ? reject(error) : resolve(bytesRead)));
  return promise;
}

import { closeSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoWords } from "../../base/errno.ts";
import { invariant } from "../../base/invariant.ts";
import { isUnitId } from "../../base/names.ts";
import { isFifoAt, openFifoWriters } from "../../linux/io/fifo.ts";
import { characterEnd } from "../../core/logs/framing.ts";
import { collectGarbage } from "../../linux/self/release-memory.ts";
import { keeperKey } from "../../linux/keeper/keys.ts";
import type { LineTest, LogCondition, LogLine, LogQuery, LogStore, LogTrail, SpecOf, Stream } from "../../ports/logs.ts";
import type { LogSpec } from "../../spec/spec.ts";
import { type Capture, CaptureBuffers, openCapture } from "./capture/capture.ts";
import { openOutput } from "./capture/open-output.ts";
import { Compressor } from "./files/compress.ts";
import { canOthersWrite } from "./files/directory.ts";
import { LogFile } from "./files/log-file.ts";
import { DirectoryRetention } from "./files/retention.ts";
import { Followers, type Subscriber } from "./read/follow.ts";
import { Cursor } from "./read/cursor.ts";
import { readLog, searchLog } from "./read/search.ts";
import { openJournal } from "./capture/recover.ts";
import { Stamper } from "./capture/stamp.ts";
import { TAIL_LINE_BYTES } from "./capture/tail.ts";
import { Trail } from "./read/trail.ts";
import { SearchMemory, Turns } from "./read/turns.ts";
import type { LogOptions } from "./options.ts";
import { LogSharing } from "./files/sharing.ts";
import { UnitLog } from "./unit.ts";

export type { LogOptions } from "./options.ts";

export interface Logs extends LogStore {
  /** Writes notices that are due into the logs. Called on each tick of the background loop. */
  tick(): void;
  /** True if all logs together may have exceeded their limit since the last `tidy`. */
  readonly hasGrown: boolean;
  /** Applies retention to all files, including those of units that do not run or were removed. */
  tidy(specOf: SpecOf): void;
  /** Writes unfinished lines as parts. Called when the daemon is about to re-execute itself. */
  flush(): void;
  /** Makes the journal again if somebody deleted its files. Throws if that is impossible now. */
  restoreJournal(): void;
  /** Called when the daemon exits but services go on. Writes unfinished lines as parts, and leaves the FIFOs for the next daemon. */
  shutdown(): void;
}

/** Throws if it cannot create the log directory or the directory for the FIFOs. */
export function openLogs(options: LogOptions): Logs {
  return new FifoLogs(options);
}

/** Number of bytes that one stream may read before the others get their turn. */
const TURN_BYTES = 2 << 20;
/** Number of bytes that one drain reads. It covers what a FIFO can hold, and what a service writes during the drain. */
const DRAIN_BYTES = 8 << 20;

interface Open {
  readonly log: UnitLog;
  readonly file: LogFile;
  captures: Partial<Record<Stream, Capture>>;
}

const NOTHING = Buffer.alloc(0);
const STREAMS: readonly Stream[] = ["stdout", "stderr"];

class FifoLogs implements Logs {
  hasGrown = false;
  readonly #units = new Map<string, Open>();
  /** The files of all logs, including units that are not open but whose files have been accessed. */
  readonly #files = new Map<string, LogFile>();
  readonly #live = new Map<string, Followers>();
  readonly #searches = { turns: new Turns(), memory: new SearchMemory(collectGarbage) };
  readonly #buffers: CaptureBuffers;
  readonly #stamper: Stamper;
  readonly #compressor: Compressor;
  readonly #options: LogOptions;
  readonly #retention: DirectoryRetention;
  readonly #sharing: LogSharing;
  readonly #fifoDir: string;
  /** Streams that have more to read than one turn allows. */
  readonly #busy = new Set<Capture>();
  #turn: Timer | NodeJS.Immediate | null = null;
  /** How often each log was rotated. Cursors identify the files of a log by this number. */
  readonly #rotations = new Map<string, number>();

  constructor(options: LogOptions) {
    this.#options = options;
    this.#fifoDir = join(options.runtimeDir, "fifo");
    mkdirSync(this.#fifoDir, { recursive: true, mode: 0o700 });
    mkdirSync(options.logDir, { recursive: true, mode: 0o700 });
    if (canOthersWrite(options.logDir))
      this.#problem(`other users can write to the log directory ${options.logDir}, and so remove or forge logs: change its owner and mode`);
    this.#stamper = new Stamper(() => options.clock.wallMs());
    this.#compressor = new Compressor((message) => this.#problem(message));
    this.#sharing = new LogSharing(options.logDir, (message) => this.#problem(message));
    this.#retention = new DirectoryRetention({
      logDir: options.logDir,
      retention: options.retention ?? { maxTotalBytes: null, goneMs: Infinity },
      fileOf: (unit, spec) => this.#fileOf(unit, spec),
      onDeleted: (deleted) => options.onDeleted?.(deleted),
      onProblem: (message) => this.#problem(message),
    });
    this.#buffers = new CaptureBuffers(openJournal(options, this.#stamper), options.runtimeDir);
  }

  open(unit: string, spec: LogSpec): void {
    invariant(isUnitId(unit), `not a unit id: ${unit}`);
    const known = this.#units.get(unit);
    if (known) return known.log.change(spec);
    const file = this.#fileOf(unit, spec);
    const log = new UnitLog(spec, {
      file,
      stamper: this.#stamper,
      followers: () => this.#live.get(unit),
      monotonicMs: () => this.#options.clock.monotonicMs(),
      onLoss: (loss) => queueMicrotask(() => this.#options.onLoss?.(unit, loss)),
    });
    const open: Open = { log, file, captures: {} };
    this.#units.set(unit, open);
    const failure = this.#capture(unit, open);
    if (failure) this.#problem(failure);
    log.takeOver();
  }

  writers(unit: string): { readonly stdout: number; readonly stderr: number; close(): void } {
    const open = this.#mustBeOpen(unit);
    this.#dropLost(unit, open);
    const failure = this.#capture(unit, open);
    if (failure) throw new Error(failure);
    const opened = openFifoWriters(STREAMS.map((stream) => this.#fifo(unit, stream)));
    if (!opened.ok) throw new Error(`cannot open ${opened.error.path} for the output of ${unit}: ${errnoWords(opened.error.errno)}`);
    const fds = opened.value;
    const close = (): void => {
      for (const fd of fds.splice(0)) closeSync(fd);
    };
    return { stdout: fds[0]!, stderr: fds[1]!, close };
  }

  drain(unit: string): void {
    const open = this.#units.get(unit);
    for (const capture of open ? captures(open) : []) capture.pump(DRAIN_BYTES);
    open?.log.deliverMatches();
  }

  endRun(unit: string): void {
    const open = this.#units.get(unit);
    if (!open) return;
    for (const capture of captures(open)) {
      capture.pump(DRAIN_BYTES);
      capture.flush("F");
    }
    for (const capture of captures(open)) capture.writeNotices("end");
  }

  note(unit: string, text: string): void {
    this.#mustBeOpen(unit).log.note(text);
  }

  tail(unit: string, count: number): readonly LogLine[] {
    const open = this.#units.get(unit);
    if (!open || count <= 0) return [];
    const { time } = this.#stamper;
    const unfinished = STREAMS.flatMap((stream) => {
      const bytes = open.captures[stream]?.unfinished ?? NOTHING;
      if (bytes.length === 0 || open.log.gate(stream).isOpen) return []; // the beginning of its line is in the tail
      return [{ time, stream, full: false, text: bytes.toString("utf8", 0, characterEnd(bytes, TAIL_LINE_BYTES)) }];
    });
    return [...open.log.tail.last(count), ...unfinished].slice(-count);
  }

  share = (unit: string): string | null => {
    const { file } = this.#mustBeOpen(unit);
    return this.#sharing.apply(unit, file.spec.group, file);
  };

  matchLines = (unit: string, tests: readonly LineTest[]): void => this.#mustBeOpen(unit).log.matchLines(tests);

  tap(unit: string, onBytes: ((bytes: Uint8Array) => void) | null): void {
    const log = this.#units.get(unit)?.log;
    if (log !== undefined) log.tap = onBytes;
  }

  markRun(unit: string): void {
    this.#units.get(unit)?.log.markRun(this.mark());
  }

  runMark = (unit: string): string | null => this.#units.get(unit)?.log.runMark ?? null;

  mark = (): string => this.#stamper.mark();

  read(unit: string, query: LogQuery): readonly LogLine[] {
    invariant(isUnitId(unit), `not a unit id: ${unit}`);
    return readLog(this.#options.logDir, `${unit}.log`, query);
  }

  search(unit: string, query: LogQuery): Promise<readonly LogLine[]> {
    return searchLog(this.#options.logDir, `${unit}.log`, query, this.#searches);
  }

  rotate(unit: string): boolean {
    const open = this.#mustBeOpen(unit);
    for (const capture of captures(open)) capture.pump(DRAIN_BYTES);
    return open.file.rotateNow(Math.floor(this.#options.clock.wallMs() / 1000));
  }

  follow(unit: string, subscriber: Subscriber): () => void {
    const followers = this.#live.get(unit) ?? new Followers();
    this.#live.set(unit, followers);
    const stop = followers.add(subscriber, (error) => this.#problem(`a subscriber of the log of ${unit} failed: ${String(error)}`));
    return () => {
      stop();
      this.#dropFollowers(unit, followers);
    };
  }

  trail(unit: string, query: LogQuery): LogTrail {
    const rotations = (): number => this.#rotations.get(unit) ?? 0;
    const cursor = new Cursor({ directory: this.#options.logDir, current: `${unit}.log`, rotations });
    return new Trail(cursor, query, { watch: (onMore) => this.#watch(unit, onMore), searches: this.#searches });
  }

  #watch(unit: string, onMore: () => void): () => void {
    const followers = this.#live.get(unit) ?? new Followers();
    this.#live.set(unit, followers);
    const stop = followers.watch(onMore);
    return () => {
      stop();
      this.#dropFollowers(unit, followers);
    };
  }

  #dropFollowers(unit: string, followers: Followers): void {
    if (followers.size > 0 || this.#live.get(unit) !== followers) return;
    this.#live.delete(unit);
    if (!this.#files.has(unit)) this.#rotations.delete(unit);
  }

  close(unit: string): void {
    const open = this.#units.get(unit);
    this.#sharing.forget(unit);
    if (!this.#live.has(unit)) this.#rotations.delete(unit);
    if (!open) return void this.#files.delete(unit);
    for (const capture of captures(open)) capture.pump(DRAIN_BYTES);
    this.#release(unit, open);
    for (const stream of STREAMS) {
      rmSync(this.#fifo(unit, stream), { force: true });
      this.#buffers.journal?.forget(`${unit}\0${stream}`);
    }
  }

  condition(unit: string): LogCondition {
    const open = this.#units.get(unit);
    return { losses: open?.log.losses ?? [], trouble: open?.file.trouble ?? null };
  }

  tick(): void {
    for (const open of this.#units.values()) {
      if (!open.log.hasLost) continue; // no notice is due
      for (const capture of captures(open)) capture.writeNotices("tick");
      open.log.checkEpisodes();
    }
  }

  tidy(specOf: SpecOf): void {
    this.hasGrown = false;
    this.#retention.tidy(specOf, this.#options.clock.wallMs());
  }

  flush(): void {
    if (this.#buffers.journal !== null) return; // the journal keeps unfinished lines for the next daemon
    for (const open of this.#units.values()) for (const capture of captures(open)) capture.flush("P");
  }

  restoreJournal(): void {
    this.#buffers.restoreJournal();
  }

  shutdown(): void {
    for (const [unit, open] of this.#units) this.#release(unit, open);
    this.#compressor.stop();
    this.#live.clear();
    this.#buffers.journal?.close();
  }

  #release(unit: string, open: Open): void {
    for (const stream of STREAMS) this.#end(unit, open, stream);
    open.file.close();
    this.#files.delete(unit);
    this.#units.delete(unit);
  }

  #end(unit: string, open: Open, stream: Stream): void {
    this.#options.keeper?.drop(keeperKey.output(unit, stream));
    const capture = open.captures[stream];
    if (capture === undefined) return;
    capture.flush("P");
    capture.writeNotices("end");
    this.#busy.delete(capture);
    capture.close();
    delete open.captures[stream];
  }

  /** Before a run: gives up FIFOs that were deleted or replaced, after reading the output of the last run. */
  #dropLost(unit: string, open: Open): void {
    for (const stream of STREAMS) {
      const capture = open.captures[stream];
      if (capture === undefined || isFifoAt(this.#fifo(unit, stream), capture.fd)) continue;
      capture.pump(DRAIN_BYTES);
      this.#end(unit, open, stream);
    }
  }

  #fileOf(unit: string, spec: LogSpec): LogFile {
    const known = this.#files.get(unit);
    if (known) {
      known.spec = spec;
      return known;
    }
    const file = new LogFile(spec, {
      directory: this.#options.logDir,
      name: `${unit}.log`,
      compressor: this.#compressor,
      onProblem: (message) => this.#problem(message),
      onFileLost: () => this.#fileLost(unit),
      onRotated: () => this.#rotated(unit),
    });
    this.#files.set(unit, file);
    return file;
  }

  #rotated(unit: string): void {
    this.#rotations.set(unit, (this.#rotations.get(unit) ?? 0) + 1);
    this.hasGrown ||= this.#options.retention?.maxTotalBytes != null;
  }

  /** Starts to read from the FIFOs. Reuses existing ones, because output may wait in them. Returns an error message or null. */
  #capture(unit: string, open: Open): string | null {
    for (const stream of STREAMS) {
      if (open.captures[stream]) continue;
      const path = this.#fifo(unit, stream);
      const reader = openOutput(path, keeperKey.output(unit, stream), this.#options.keeper);
      if (!reader.ok) return `cannot read the output of ${unit} from ${path}: ${errnoWords(reader.error)}`;
      try {
        const capture = openCapture({
          fd: reader.value,
          stream,
          key: `${unit}\0${stream}`,
          epoll: this.#options.epoll,
          buffers: this.#buffers,
          sink: open.log,
          onReadable: () => this.#pump(capture),
        });
        open.captures[stream] = capture;
        this.#options.keeper?.keep(keeperKey.output(unit, stream), reader.value);
      } catch (error) {
        closeSync(reader.value);
        return `cannot watch the output of ${unit}: ${(error as Error).message}`;
      }
    }
    return null;
  }

  #pump(capture: Capture): void {
    if (!capture.pump(TURN_BYTES)) return void this.#busy.delete(capture);
    this.#busy.add(capture);
    if (this.#turn === null)
      this.#turn = setImmediate(() => {
        this.#turn = null;
        for (const waiting of [...this.#busy]) this.#pump(waiting);
      });
  }

  #fileLost(unit: string): void {
    this.#problem(`${join(this.#options.logDir, `${unit}.log`)} was deleted or moved by another program; the log continues in a new file`);
    this.#units.get(unit)?.log.note("another program deleted or moved the file of this log; this is a new one");
  }

  #mustBeOpen(unit: string): Open {
    const open = this.#units.get(unit);
    invariant(open, `the log of ${unit} is not open`);
    return open;
  }

  #fifo(unit: string, stream: Stream): string {
    return join(this.#fifoDir, `${unit}.${stream === "stdout" ? "out" : "err"}`);
  }

  #problem(message: string): void {
    this.#options.onProblem?.(message);
  }
}

const captures = (open: Open): Capture[] => STREAMS.flatMap((stream) => open.captures[stream] ?? []);

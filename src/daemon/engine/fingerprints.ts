import { resolve } from "node:path";
import {
  type FileRole,
  type FileState,
  type Fingerprint,
  isSameFile,
  parseFingerprint,
  type TrackedFile,
} from "../../core/explain/fingerprint.ts";
import { readRegularFile, writeOwnFile } from "../../linux/io/regular-files.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FileStates, FoundFile } from "../../ports/file-states.ts";
import type { FingerprintRow, FingerprintStore } from "../../ports/store/fingerprints.ts";
import type { Launch } from "./launcher.ts";

export interface FingerprintsOptions {
  readonly clock: Pick<Clock, "wallMs">;
  readonly store: FingerprintStore;
  readonly files: FileStates;
  /** The secret key of the MACs. */
  readonly key: string;
  /** Returns the effective settings of a unit, with the keys of a unit file. */
  readonly effective: (id: string) => Readonly<Record<string, unknown>> | undefined;
  readonly bug: (message: string, error?: unknown) => void;
}

/** Variables that differ in each run. */
const OF_RUN: ReadonlySet<string> = new Set(["SUP_INVOCATION_ID", "SUP_GENERATION"]);
/** Maximum number of starts in the queue. Further starts get no fingerprint of their own. */
const MAX_WAITING = 20_000;
/** Maximum number of cached content hashes. The cache avoids hashing a program again for each unit that runs it. */
const MAX_CONTENTS = 500;
/**
 * Maximum number of cached MACs. Most settings and variables have the same value in all units, so that the cache avoids about nine
 * of ten computations, and equal MACs share one string.
 */
const MAX_MACS = 2000;
/** Number of fingerprints that are stored in one transaction. */
const STORED_TOGETHER = 100;
/**
 * When more starts than this wait, many units are being started. The fingerprints then wait until no unit has started for QUIET_MS,
 * but at most PATIENCE_MS, so that they do not compete with the starts.
 */
const FEW = 4;
const QUIET_MS = 200;
const PATIENCE_MS = 3000;

interface Waiting extends Omit<FingerprintRow, "fingerprint"> {
  readonly effective: Readonly<Record<string, unknown>>;
  readonly launch: Launch | null;
  readonly isAnswered: boolean;
}

/**
 * Makes the fingerprints of runs and stores those that differ from the unit's previous one. A start only adds an entry to a
 * queue. The entries are handled later, one after the other, so that this work delays nothing else. If the daemon is killed
 * directly after a start, the fingerprint of that run is missing.
 */
export class Fingerprints {
  readonly #o: FingerprintsOptions;
  readonly #keyName: string;
  readonly #waiting: Waiting[] = [];
  /** New fingerprints by unit that are not stored yet. */
  readonly #made = new Map<string, FingerprintRow>();
  #isBusy = false;
  #lastStartMs = 0;
  /** The MACs of the contents of files by path. */
  readonly #contents = new Map<string, FileState>();
  readonly #macCache = new Map<string, string>();

  constructor(options: FingerprintsOptions) {
    this.#o = options;
    this.#keyName = this.#mac("the name of this key").slice(0, 8);
  }

  /**
   * Must be called for each run after its command was executed or its start failed. `launch` is null if the start failed
   * before the command was known. `isAnswered` is true if a process has just used the command and its directory, which shows
   * that their file systems respond.
   */
  take(id: string, invocation: string, launch: Launch | null, isAnswered: boolean): void {
    const effective = this.#o.effective(id);
    if (effective === undefined || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push({ serviceId: id, invocation, at: new Date(this.#o.clock.wallMs()).toISOString(), effective, launch, isAnswered });
    this.#lastStartMs = performance.now();
    if (this.#isBusy) return;
    this.#isBusy = true;
    setImmediate(() => void this.#handleAll());
  }

  async #handleAll(): Promise<void> {
    if (this.#waiting.length > FEW) await this.#quiet();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#handle(next);
      } catch (error) {
        this.#o.bug(`cannot make the fingerprint of ${next.serviceId}`, error);
      }
      if (this.#made.size >= STORED_TOGETHER) this.#store();
    }
    this.#store();
    this.#isBusy = false;
  }

  /** Waits until no unit has started for QUIET_MS. */
  async #quiet(): Promise<void> {
    const beganMs = performance.now();
    for (;;) {
      const now = performance.now();
      const waitMs = Math.min(this.#lastStartMs + QUIET_MS, beganMs + PATIENCE_MS) - now;
      if (waitMs <= 0) return;
      await Bun.sleep(waitMs);
    }
  }

  async #handle({ effective, launch, isAnswered, ...run }: Waiting): Promise<void> {
    const last = (this.#made.get(run.serviceId) ?? this.#o.store.fingerprints(run.serviceId, 1)[0])?.fingerprint;
    const before = last === undefined ? null : parseFingerprint(last);
    const made: Fingerprint = {
      key: this.#keyName,
      unit: this.#macs(Object.entries(effective).map(([key, value]) => [key, JSON.stringify(value) ?? ""])),
      environment: launch && this.#macs(Object.entries(launch.env).filter(([name]) => !OF_RUN.has(name))),
      files: launch === null ? [] : await this.#filesOf(launch, before, isAnswered, Date.parse(run.at)),
      directory: launch && isAnswered ? { path: launch.cwd, real: await this.#o.files.realPath(launch.cwd) } : null,
    };
    const text = JSON.stringify(made);
    if (text === last) return;
    this.#add({ ...run, fingerprint: text });
    if (!made.files.some(lacksContent)) return;
    this.#store(); // hashing a large file takes long, and the daemon may be killed in the meantime
    const files: TrackedFile[] = [];
    for (const file of made.files) files.push(lacksContent(file) ? { ...file, state: await this.#hashed(file.path, file.state) } : file);
    this.#add({ ...run, fingerprint: JSON.stringify({ ...made, files }) });
  }

  #add(row: FingerprintRow): void {
    const earlier = this.#made.get(row.serviceId);
    if (earlier !== undefined && earlier.invocation !== row.invocation) this.#store();
    this.#made.set(row.serviceId, row);
  }

  #store(): void {
    if (this.#made.size > 0) this.#o.store.setFingerprints([...this.#made.values()]);
    this.#made.clear();
  }

  async #filesOf(launch: Launch, before: Fingerprint | null, isAnswered: boolean, startMs: number): Promise<TrackedFile[]> {
    const { files } = this.#o;
    const { argv, cwd, env } = launch;
    const tracked: TrackedFile[] = [];
    const track = (role: FileRole, found: FoundFile | null): void => {
      if (found === null) return;
      const { path, state } = found;
      tracked.push({ role, path, state: this.#hasChangedSince(startMs, state) ? null : this.#known(path, state, before) });
    };
    if (isAnswered) {
      track("executable", await files.executable(argv[0]!, env.PATH, cwd));
      track("argument", await this.#fileArgument(argv.slice(1), cwd));
    }
    for (const path of launch.environmentFiles) track("environment_file", { path, state: await files.state(path) });
    return tracked;
  }

  /** Returns true if a file was changed after the start. In that case its state at the start is unknown. */
  #hasChangedSince(startMs: number, state: FileState | "missing" | null): boolean {
    // A time in the future means that the clock was set back.
    return state !== null && state !== "missing" && state.changedMs > startMs && state.changedMs <= this.#o.clock.wallMs();
  }

  /** Returns the first argument that is a file. Usually it is the program that an interpreter runs, or a configuration file. */
  async #fileArgument(args: readonly string[], cwd: string): Promise<FoundFile | null> {
    for (const arg of args) {
      if (arg === "" || arg.startsWith("-") || arg.length > MAX_PATH || !/[./]/.test(arg)) continue;
      const path = resolve(cwd, arg);
      const state = this.#o.files.isLocal(path) ? await this.#o.files.state(path) : null;
      if (state !== null && state !== "missing" && state.sizeBytes <= MAX_ARGUMENT_BYTES) return { path, state };
    }
    return null;
  }

  /** Adds the MAC of the content if the file was already hashed in this state. */
  #known(path: string, state: FileState | "missing" | null, before: Fingerprint | null): FileState | "missing" | null {
    if (state === null || state === "missing") return state;
    const last = before?.key === this.#keyName ? before.files.find((file) => file.path === path)?.state : null;
    for (const known of [this.#contents.get(path), last])
      if (known !== null && known !== undefined && known !== "missing" && isSameFile(known, state))
        return { ...state, content: known.content };
    return state;
  }

  async #hashed(path: string, state: FileState): Promise<FileState> {
    const known = this.#contents.get(path);
    if (known !== undefined && isSameFile(known, state)) return known;
    const hash = await this.#o.files.hash(path, state);
    const hashed = { ...state, content: hash === null ? null : this.#mac(hash) };
    if (this.#contents.size >= MAX_CONTENTS) this.#contents.delete(this.#contents.keys().next().value!);
    this.#contents.set(path, hashed);
    return hashed;
  }

  #macs(entries: ReadonlyArray<readonly [string, string]>): Record<string, string> {
    return Object.fromEntries(entries.map(([name, value]) => [name, this.#cachedMac(`${name}\0${value}`)]));
  }

  #cachedMac(text: string): string {
    const known = this.#macCache.get(text);
    if (known !== undefined) return known;
    const mac = this.#mac(text);
    if (text.length > MAX_CACHED_TEXT) return mac;
    if (this.#macCache.size >= MAX_MACS) this.#macCache.delete(this.#macCache.keys().next().value!);
    this.#macCache.set(text, mac);
    return mac;
  }

  /** Returns a keyed hash of 64 bits in hexadecimal digits. */
  #mac(text: string): string {
    return new Bun.CryptoHasher("sha256", this.#o.key).update(text).digest("hex").slice(0, 16);
  }
}

/** Longer texts are rarely equal in two units. */
const MAX_CACHED_TEXT = 200;
const MAX_PATH = 4096;
/** Maximum size of an argument that is hashed. A larger file is probably data, which changes all the time. */
const MAX_ARGUMENT_BYTES = 64 * 1024 * 1024;

const lacksContent = (file: TrackedFile): file is TrackedFile & { readonly state: FileState } =>
  file.state !== null && file.state !== "missing" && file.state.content === null;

const KEY_BYTES = 32;

/**
 * Returns the key of the fingerprints of a state directory. The key is kept in a file beside the store. Somebody who has only
 * the store cannot guess a short password from its MAC. If the file cannot be written, the key is valid only for this daemon.
 */
export function fingerprintKey(file: string, onProblem: (message: string) => void): string {
  const stored = readRegularFile(file, 2 * KEY_BYTES);
  if (stored.ok && stored.value.length === 2 * KEY_BYTES) return stored.value.toString("latin1");
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES))).toString("hex");
  try {
    writeOwnFile(file, key, "replace");
  } catch (error) {
    onProblem(`cannot write ${file}, so changes of settings cannot be seen after a restart of the daemon: ${String(error)}`);
  }
  return key;
}

import { existsSync, rmSync } from "node:fs";
import { readRegularFile, writeOwnFile } from "../../linux/io/regular-files.ts";
import type { KeyValueStore } from "../../ports/store/settings.ts";

/**
 * Creates the values of SUP_INVOCATION_ID. A value consists of 24 hexadecimal digits of a hash and 8 digits with the number
 * of the run. Only daemons of this state directory can compute the hash.
 *
 * The hash uses a secret that is kept in the store. A copy of the secret stays in the runtime directory until a daemon exits
 * in an orderly way. With this copy, a daemon can recognize running services even if the store is lost. Each boot gets a new
 * secret, because run numbers start at 1 again after a boot and no value may be used twice.
 */
export class Invocations {
  /** True if the last daemon was killed or crashed, so that its services may still run. */
  readonly cutOff: boolean;
  readonly #secret: string;
  readonly #file: string;
  #given: boolean;
  readonly #latest = new Map<string, { readonly run: number; readonly invocation: string }>();

  constructor(store: KeyValueStore, bootId: string, runtimeDir: string, onProblem: (message: string) => void) {
    this.#file = `${runtimeDir}/invocations`;
    const left = readSecret(this.#file);
    this.cutOff = left !== null;
    const stored = store.get(KEY);
    const lastBoot = store.get("boot-id");
    const booted = lastBoot !== null && lastBoot !== bootId;
    const known = booted ? null : (left ?? stored);
    this.#given = known !== null;
    this.#secret = known ?? crypto.randomUUID();
    if (stored !== this.#secret) store.set(KEY, this.#secret);
    try {
      if (left !== this.#secret) writeOwnFile(this.#file, this.#secret, "replace");
    } catch (error) {
      onProblem(`cannot write ${this.#file}, so running services cannot be recognized if the database is lost: ${String(error)}`);
    }
  }

  /** Writes the copy of the secret again, if the runtime directory was deleted. Throws if the file cannot be written. */
  restoreFile(): void {
    if (!existsSync(this.#file)) writeOwnFile(this.#file, this.#secret, "replace");
  }

  /** True if this daemon or an earlier one may have started runs since the machine booted. */
  get given(): boolean {
    return this.#given;
  }

  of(id: string, run: number): string {
    const last = this.#latest.get(id);
    if (last?.run === run) return last.invocation;
    const invocation = this.#make(id, run);
    this.#latest.set(id, { run, invocation });
    this.#given = true;
    return invocation;
  }

  /** Returns a value of the same form for something that is not a unit. Other users cannot guess it. */
  nameOf(thing: string): string {
    return this.#make(thing, 0);
  }

  /** Clears the cached value of a removed unit. `of` computes the same value again when needed. */
  forgetUnit(id: string): void {
    this.#latest.delete(id);
  }

  /** Returns the number of the run with this value, or null if no daemon of this state directory made the value. */
  runOf(id: string, invocation: string): number | null {
    const run = Number.parseInt(invocation.slice(24), 16);
    return run > 0 && this.of(id, run) === invocation ? run : null;
  }

  /**
   * Deletes the copy of the secret. Called at an orderly exit, because services that are still running then were left running
   * on purpose.
   */
  forget(): void {
    rmSync(this.#file, { force: true });
  }

  #make(id: string, run: number): string {
    const hash = Bun.CryptoHasher.hash("sha256", `${this.#secret}\0${id}\0${run}`, "hex").slice(0, 24);
    return `${hash}${run.toString(16).padStart(8, "0")}`;
  }
}

const KEY = "invocation-secret";

function readSecret(file: string): string | null {
  const bytes = readRegularFile(file, 36); // usually the file does not exist
  return bytes.ok && bytes.value.length === 36 ? bytes.value.toString("utf8") : null;
}

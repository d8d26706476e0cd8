import { randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { readRegularFile, writeOwnFile } from "../../linux/io/regular-files.ts";
import type { KeyValueStore } from "../../ports/store/settings.ts";

/**
 * Makes the values of SUP_INVOCATION_ID: 24 hexadecimal digits of a hash that only daemons of this state directory can compute,
 * then 8 digits with the number of the run.
 *
 * The hash uses a secret that is kept in the store. A copy stays in the runtime directory until a daemon exits in an orderly way, so
 * that running services can be recognized even if the store is lost. Each boot gets a new secret: run numbers start at 1 again after
 * a boot, and no value may be used twice.
 */
export class Invocations {
  /** The last daemon was killed or crashed, so its services may still run. */
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
    this.#secret = known ?? randomUUID();
    if (stored !== this.#secret) store.set(KEY, this.#secret);
    try {
      if (left !== this.#secret) writeOwnFile(this.#file, this.#secret, "replace");
    } catch (error) {
      onProblem(`cannot write ${this.#file}, so running services cannot be recognized if the database is lost: ${String(error)}`);
    }
  }

  /** After somebody deleted the runtime directory. Throws when the file cannot be written. */
  restoreFile(): void {
    if (!existsSync(this.#file)) writeOwnFile(this.#file, this.#secret, "replace");
  }

  /** True when this daemon or an earlier one may have started runs since the machine booted. */
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

  /** The same for something that is not a unit: a name that nobody else can guess. */
  nameOf(thing: string): string {
    return this.#make(thing, 0);
  }

  /** For a removed unit: clears its cached value. `of` would compute the same value again. */
  forgetUnit(id: string): void {
    this.#latest.delete(id);
  }

  /** The number of the run; null when no daemon of this state directory made the value. */
  runOf(id: string, invocation: string): number | null {
    const run = Number.parseInt(invocation.slice(24), 16);
    return run > 0 && this.of(id, run) === invocation ? run : null;
  }

  /** For an orderly exit: services that still run then were left running on purpose. */
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
  const bytes = readRegularFile(file, 36); // usually there is none
  return bytes.ok && bytes.value.length === 36 ? bytes.value.toString("utf8") : null;
}

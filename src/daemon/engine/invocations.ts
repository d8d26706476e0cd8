import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { KeyValueStore } from "../../ports/store/settings.ts";

/**
 * Names of runs, the values of SUP_INVOCATION_ID: 24 digits of a hash that only the daemons of this state directory can make,
 * and 8 of the run's number.
 *
 * The secret is in the store, and as long as no daemon ended in order in the runtime directory too: a store that is lost
 * while services run must not take away by what they can be told to be ours. Nothing outlives a boot, after which runs are
 * counted from 1 again: then there is another secret, so that no name is given twice.
 */
export class Invocations {
  /** The last daemon did not end in order: its services may run. */
  readonly cutOff: boolean;
  readonly #secret: string;
  readonly #file: string;
  #given: boolean;
  readonly #latest = new Map<string, { readonly run: number; readonly invocation: string }>();

  constructor(store: KeyValueStore, bootId: string, runtimeDir: string, onProblem: (message: string) => void) {
    this.#file = `${runtimeDir}/invocations`;
    const left = readLeft(this.#file);
    this.cutOff = left !== null;
    const stored = store.get(KEY);
    const lastBoot = store.get("boot-id");
    const booted = lastBoot !== null && lastBoot !== bootId;
    const known = booted ? null : (left ?? stored);
    this.#given = known !== null;
    this.#secret = known ?? randomUUID();
    if (stored !== this.#secret) store.set(KEY, this.#secret);
    try {
      if (left !== this.#secret) writeFileSync(this.#file, this.#secret, { mode: 0o600 });
    } catch (error) {
      onProblem(`cannot write ${this.#file}, so services are not found again should the database be lost: ${String(error)}`);
    }
  }

  /** Runs may have been named in this boot, by this daemon or an earlier one. */
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

  /** The same for what is no unit: a name that nobody else can guess. It is not remembered. */
  nameOf(thing: string): string {
    return this.#make(thing, 0);
  }

  /** The unit is gone. Asked for it again, the answer is the same. */
  forgetUnit(id: string): void {
    this.#latest.delete(id);
  }

  /** Null: it is none of ours. */
  runOf(id: string, invocation: string): number | null {
    const run = Number.parseInt(invocation.slice(24), 16);
    return run > 0 && this.of(id, run) === invocation ? run : null;
  }

  /** At an orderly end: what still runs then was let go on purpose. */
  forget(): void {
    rmSync(this.#file, { force: true });
  }

  #make(id: string, run: number): string {
    const hash = Bun.CryptoHasher.hash("sha256", `${this.#secret}\0${id}\0${run}`, "hex").slice(0, 24);
    return `${hash}${run.toString(16).padStart(8, "0")}`;
  }
}

const KEY = "invocation-secret";

function readLeft(file: string): string | null {
  try {
    const text = readFileSync(file, "utf8");
    return text.length === 36 ? text : null;
  } catch {
    return null; // the usual case: none is there
  }
}

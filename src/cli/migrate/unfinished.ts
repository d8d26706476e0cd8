import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** A step that began and did not end. If a migration is killed, the next migration learns from this record that the program ran. */
export interface Unfinished {
  readonly program: string;
  readonly targets: readonly string[];
}

/** A file that describes the step in progress. It exists only during the step. */
export class UnfinishedFile {
  readonly #path: string;

  constructor(directory: string, kind: string) {
    this.#path = `${directory}/migrate-${kind}.json`;
  }

  read(): Unfinished | null {
    try {
      const { program, targets } = JSON.parse(readFileSync(this.#path, "utf8")) as Unfinished;
      return typeof program === "string" && Array.isArray(targets) ? { program, targets } : null;
    } catch {
      return null; // no step was interrupted
    }
  }

  write(step: Unfinished): void {
    writeFileSync(`${this.#path}.new`, JSON.stringify(step), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

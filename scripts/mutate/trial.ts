import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { applyMutant, type Mutant } from "./mutants.ts";

/**
 * The outcome of a mutant. `tests` means that a test failed. `time` means that the tests did not end within the limit. `types` means
 * that the tests passed, but the compiler rejected the change. `survived` means that the tests and the compiler accepted the change.
 */
export type Outcome = "tests" | "time" | "types" | "survived";

const LEFT_OUT = new Set([".git", "node_modules", "dist", ".sup-build"]);

/** A copy of the project in a temporary directory. Mutants are written and tested there, so the user's files are never touched. */
export class Trial implements Disposable {
  readonly #root: string;

  constructor(project: string) {
    this.#root = mkdtempSync(join(tmpdir(), "sup-mutate-"));
    cpSync(project, this.#root, { recursive: true, filter: (source) => source === project || !LEFT_OUT.has(basename(source)) });
    symlinkSync(join(project, "node_modules"), join(this.#root, "node_modules"));
  }

  async try(mutant: Mutant, tests: readonly string[], limitMs: number): Promise<Outcome> {
    const file = join(this.#root, mutant.path);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, applyMutant(text, mutant));
    try {
      const code = await this.test(tests, limitMs);
      if (code !== 0) return code === null ? "time" : "tests";
      return (await this.#bun(["check", "--no-script"], limitMs)) === 0 ? "survived" : "types";
    } finally {
      writeFileSync(file, text);
    }
  }

  /** Runs `bun test`, which ends at the first failure. Returns its exit code, or null if the time limit was exceeded. */
  test(tests: readonly string[], limitMs: number): Promise<number | null> {
    return this.#bun(["test", "--bail", "--timeout", String(limitMs), ...tests], limitMs);
  }

  async #bun(args: readonly string[], limitMs: number): Promise<number | null> {
    const child = Bun.spawn([join(this.#root, "node_modules/.bin/bun"), ...args], {
      cwd: this.#root,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      timeout: limitMs,
      killSignal: "SIGKILL",
    });
    const code = await child.exited;
    return child.signalCode === "SIGKILL" ? null : code;
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

import { EXIT } from "../../api/contract/errors.ts";

export type ExitRequest =
  | { readonly kind: "end"; readonly by: string; readonly code: number }
  | { readonly kind: "leave"; readonly by: string }
  | { readonly kind: "reexec" };

/**
 * Two SIGINT signals within this time count as one Ctrl-C. A terminal sends SIGINT to the whole process group, and npm and
 * other wrappers forward it to the daemon once more.
 */
const SAME_KEY_MS = 500;

/** Collects requests by signal or through the API that end or replace the daemon. The first request wins. */
export class ExitRequests {
  readonly #nowMs: () => number;
  #next = Promise.withResolvers<ExitRequest>();
  #impatience = Promise.withResolvers<void>();
  #endingSinceMs: number | null = null;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Resolves with the first request since the last `renew`. */
  get next(): Promise<ExitRequest> {
    return this.#next.promise;
  }

  /** Resolves at a Ctrl-C while the daemon is already stopping its units. After it, the daemon must not wait for the units any longer. */
  get impatience(): Promise<void> {
    return this.#impatience.promise;
  }

  /** Accepts another request, after a re-exec that failed. */
  renew(): void {
    this.#next = Promise.withResolvers();
  }

  end(by: string, code: number = EXIT.done): void {
    this.#endingSinceMs ??= this.#nowMs();
    this.#next.resolve({ kind: "end", by, code });
  }

  interrupt(): void {
    const since = this.#endingSinceMs;
    if (since !== null && this.#nowMs() - since >= SAME_KEY_MS) this.#impatience.resolve();
    this.end("SIGINT");
  }

  leave(by: string): void {
    this.#next.resolve({ kind: "leave", by });
  }

  reexec(): void {
    this.#next.resolve({ kind: "reexec" });
  }
}

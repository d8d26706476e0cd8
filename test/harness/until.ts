export interface UntilOptions {
  /** A description of the condition for the error message, such as "web to run". */
  readonly what: string;
  readonly timeoutMs?: number;
  /** Returns details for the error message, so that a failure on another machine can be understood. */
  readonly explain?: () => string | Promise<string>;
}

const POLL_MS = 10;
/** This default is shorter than a test's time limit, so that the error message names the condition. */
const PATIENCE_MS = 15_000;

/**
 * Polls the condition until its value is truthy, and returns that value. Throws after `timeoutMs`. Tests poll
 * only with this function, and only for changes that no event announces, such as the end of another program's process or a new
 * file. A condition that throws counts as not yet met, and the last error becomes part of the message.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = PATIENCE_MS, explain }: UntilOptions,
): Promise<Exclude<T, false | null | undefined | 0 | "">> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let trouble: unknown;
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | null | undefined | 0 | "">;
    } catch (error) {
      trouble = error;
    }
    if (performance.now() >= deadline) {
      const why = [trouble instanceof Error ? trouble.message : trouble, await explain?.()].filter(Boolean).join("\n");
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}${why ? `:\n${why}` : ""}`);
    }
    await Bun.sleep(POLL_MS);
  }
}

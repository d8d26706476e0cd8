export interface UntilOptions {
  /** What is waited for, in words, for the message when it does not come: "web to run". */
  readonly what: string;
  readonly timeoutMs?: number;
  /** Added to the message, so that a failure on a machine far away can be understood. */
  readonly explain?: () => string | Promise<string>;
}

const POLL_MS = 10;
/** Less than a test may take, so that what was waited for is told. */
const PATIENCE_MS = 15_000;

/**
 * Waits until the condition gives something truthy, and gives that; throws when the time is over. The only polling of the
 * tests: for what tells nobody when it changes (a process of somebody else, a file). An error of the condition counts as
 * "not yet" and is shown at the end.
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

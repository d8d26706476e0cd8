/** One thing to do, with words for it: what `--dry-run` prints is what is done without it. */
export interface Step {
  /** "write /etc/systemd/system/sup.service": follows "would", or stands alone. */
  readonly words: string;
  /** More for `--dry-run`: the text of a file. */
  readonly text?: string;
  /** Null, or why it could not be done. */
  run(): Promise<string | null>;
  /** Brings back what was, when a later step fails. */
  undo?(): Promise<unknown>;
  /** A failure is a warning; what it gives is added to the words. */
  readonly optional?: string;
}

export type Outcome =
  | { readonly ok: true; readonly done: readonly string[]; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly failed: string; readonly why: string };

/** Does one step after the other. When one fails, those before it are undone, the last one first. */
export async function runSteps(steps: readonly Step[]): Promise<Outcome> {
  const done: Step[] = [];
  const warnings: string[] = [];
  for (const step of steps) {
    const why = await step.run();
    if (why === null) done.push(step);
    else if (step.optional !== undefined) warnings.push(`cannot ${step.words}: ${why}. ${step.optional}`);
    else {
      for (const earlier of [step, ...done.reverse()]) await earlier.undo?.();
      return { ok: false, failed: step.words, why };
    }
  }
  return { ok: true, done: done.map(({ words }) => words), warnings };
}

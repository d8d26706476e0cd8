/** One step with its description: `--dry-run` prints exactly the steps that a real run performs. */
export interface Step {
  /** "write /etc/systemd/system/sup.service": printed alone, or after "would". */
  readonly words: string;
  /** Details for `--dry-run`: the text of a file. */
  readonly text?: string;
  /** Null, or why it failed. */
  run(): Promise<string | null>;
  /** Restores the previous state when a later step fails. */
  undo?(): Promise<unknown>;
  /** If set, a failure of this step is only a warning, and this text explains its consequence. */
  readonly optional?: string;
}

export type Outcome =
  | { readonly ok: true; readonly done: readonly string[]; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly failed: string; readonly why: string };

/** Runs the steps in order. If one fails, undoes it and the earlier ones in reverse order. */
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

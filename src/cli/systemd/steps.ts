/** A step of an installation and its description. `--dry-run` prints exactly the steps that a real run performs. */
export interface Step {
  /** A description of the step, such as "write /etc/systemd/system/sup.service". It is printed alone or after "would". */
  readonly words: string;
  /** Details that `--dry-run` prints, such as the content of a file. */
  readonly text?: string;
  /** Performs the step. Returns null, or the reason why it failed. */
  run(): Promise<string | null>;
  /** Restores the previous state. Called if this step or a later one fails. */
  undo?(): Promise<unknown>;
  /** If set, a failure of this step only causes a warning, and this text explains the consequence. */
  readonly optional?: string;
}

export type Outcome =
  | { readonly ok: true; readonly done: readonly string[]; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly failed: string; readonly why: string };

/** Runs the steps in order. If one fails, undoes that step and the earlier steps in reverse order. */
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

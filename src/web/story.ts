import type { Why } from "../api/contract/shapes.ts";
import { bare } from "./ansi.ts";

export interface StoryRow {
  readonly time: string;
  readonly text: string;
  /** The line of the run's output that says most about its failure, or null if a newer row has the same line. */
  readonly line: string | null;
  /** The last output of the run. Empty except in the newest row with output. */
  readonly output: readonly string[];
}

/**
 * Returns the history of a unit, newest first. A crash loop repeats its output in each run, so that each line of output appears
 * only once. `telling` is the line of the newest output that says most, or null if it is unknown.
 */
export function storyRows(story: Why["story"], telling: string | null): readonly StoryRow[] {
  const shown = new Set<string>();
  return story.toReversed().map(({ time, text, lines }) => {
    const line = telling !== null && lines.includes(telling) ? telling : lastMessage(lines);
    if (line === null || shown.has(bare(line))) return { time, text, line: null, output: [] };
    const output = shown.size === 0 && lines.length > 1 ? lines : [];
    shown.add(bare(line));
    return { time, text, line, output };
  });
}

/** Returns the last line that is not indented, because indented lines are usually part of a stack trace. */
const lastMessage = (lines: readonly string[]): string | null =>
  lines.findLast((line) => /^\S/.test(bare(line))) ?? lines.findLast((line) => line.trim() !== "") ?? null;

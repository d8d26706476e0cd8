import { compileTextPattern, type TextPattern, writtenPattern } from "../../base/pattern.ts";
import type { World, WorldEvent } from "../../core/world/world.ts";
import type { LineTest, LogLine, LogStore } from "../../ports/logs.ts";
import { collectStarts, specOf, type Runs } from "./runs.ts";

export interface OutputWatchOptions {
  readonly world: World;
  readonly logs: LogStore;
  readonly post: (...events: readonly WorldEvent[]) => void;
}

/** Reports the lines of output that make a run ready (`ready_log`) or mean that it has failed (`fail_log`). */
export class OutputWatch {
  readonly #o: OutputWatchOptions;
  readonly #runs: Runs;

  constructor(options: OutputWatchOptions, runs: Runs) {
    this.#o = options;
    this.#runs = runs;
  }

  /** Tests the output from now on. Call this before the process of a run is started, and after its settings changed. */
  begin(id: string, run: number): void {
    this.#o.logs.matchLines(id, this.#tests(id, run));
  }

  /**
   * Tests lines that an earlier daemon wrote to the log. It may have been killed before it acted on them. `from` is a
   * timestamp in the format of the log.
   */
  async catchUp(id: string, run: number, from: string): Promise<void> {
    for (const { pattern, onMatch } of this.#tests(id, run)) {
      const grep = compileTextPattern(pattern);
      if (!grep.ok) continue;
      const line = (await this.#o.logs.search(id, { from, grep: grep.value })).find((one) => !isNote(one));
      if (line !== undefined) onMatch(line.text);
    }
  }

  /** Returns the tests. `fail_log` is first, so a line that matches both counts as a failure. */
  #tests(id: string, run: number): LineTest[] {
    const { readyLog, failLog } = specOf(this.#o.world, id);
    const isStarting = this.#o.world.get(id)?.unit.phase === "starting";
    const tests: LineTest[] = [];
    if (failLog !== null) tests.push({ pattern: failLog, onMatch: (line) => this.#failed(id, run, failLog, line) });
    if (readyLog !== null && isStarting) tests.push({ pattern: readyLog, onMatch: () => this.#ready(id, run) });
    return tests;
  }

  #failed(id: string, run: number, pattern: TextPattern, line: string): void {
    const shown = line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
    this.#fact(id, { type: "condemned", run, by: "log", detail: `output matches fail_log ${writtenPattern(pattern)}: ${shown}` });
  }

  #ready(id: string, run: number): void {
    this.#fact(id, { type: "ready", run });
  }

  #fact(id: string, fact: Extract<WorldEvent, { type: "fact" }>["fact"]): void {
    const state = this.#runs.get(id);
    if (state?.run === fact.run) collectStarts(state); // the process may have written the line before the end of its start was read
    this.#o.post({ type: "fact", id, fact });
  }
}

/** Maximum number of characters of a line that are shown. */
const SHOWN = 200;

/** Returns true for a line that the daemon itself wrote. */
const isNote = ({ stream, text }: LogLine): boolean => stream === "stderr" && text.startsWith("[sup] ");

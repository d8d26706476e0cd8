import { tellingLine } from "../../core/explain/telling-line.ts";
import type { EventHistory } from "../../ports/store/events.ts";

/** Remembers, for each unit, the line of output that says most about why its last run failed. */
export class LastOutput {
  readonly #store: EventHistory;
  readonly #known = new Map<string, { readonly run: number; readonly line: string | null }>();

  constructor(store: EventHistory) {
    this.#store = store;
  }

  /** Must be called with the last lines of each run that failed. */
  note(id: string, run: number, lines: readonly string[]): void {
    this.#known.set(id, { run, line: tellingLine(lines) });
  }

  /** Returns the line of this run, or null if the run printed nothing. The event of the run has the lines if an earlier daemon noted them. */
  of(id: string, run: number): string | null {
    const known = this.#known.get(id);
    if (known?.run === run) return known.line;
    const [event] = this.#store.events({ limit: 1, types: ["exited", "start-failed"], serviceIds: [id] });
    const lines = event?.details.run === run ? event.details.last_lines : undefined;
    this.note(id, run, Array.isArray(lines) ? lines.map(String) : []);
    return this.#known.get(id)!.line;
  }

  forget(id: string): void {
    this.#known.delete(id);
  }
}

import type { World } from "../../core/world/world.ts";
import type { PendingStart, ProcessRef, Survivor } from "../../ports/processes.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Launch } from "./launcher.ts";

/** What the interpreter knows about a unit's current run. */
export interface RunState {
  readonly run: number;
  readonly invocation: string;
  /** Null until the first process of the run was prepared. */
  launch: Launch | null;
  /** Processes of the run that have not called exec yet. */
  readonly starting: Set<PendingStart>;
  /** Actions that wait until none of them is left. */
  onceStarted: Array<() => void>;
  /** The main process, or the hook that runs in its place. */
  current: ProcessRef | null;
  /** The last process of the run, alive or not. Remaining processes of the run are found from it. */
  anchor: ProcessRef | null;
  /** True once a signal was sent to the run: no further pre_start hook is started. */
  aborted: boolean;
  /** Counts the main processes of the run: the exit of one that was replaced (MAINPID=) does not end the run. */
  mains: number;
  /** The processes that needed SIGKILL. */
  readonly killed: Survivor[];
  /** Ends the probe that is under way. */
  readonly probeAbort: AbortController;
}

/** The current run of each unit. */
export class Runs {
  readonly #states = new Map<string, RunState>();
  readonly #invocationOf: (id: string, run: number) => string;

  constructor(invocationOf: (id: string, run: number) => string) {
    this.#invocationOf = invocationOf;
  }

  get(id: string): RunState | undefined {
    return this.#states.get(id);
  }

  /** The state of this run, created by the first effect of the run. A probe of the run before it is aborted. */
  begin(id: string, run: number): RunState {
    const known = this.#states.get(id);
    if (known?.run === run) return known;
    known?.probeAbort.abort();
    const state: RunState = {
      run,
      invocation: this.#invocationOf(id, run),
      launch: null,
      starting: new Set(),
      onceStarted: [],
      current: null,
      anchor: null,
      aborted: false,
      mains: 0,
      killed: [],
      probeAbort: new AbortController(),
    };
    this.#states.set(id, state);
    return state;
  }

  forget(id: string): void {
    this.#states.delete(id);
  }
}

/** Call this when a process has called exec or has failed, after the state was updated. */
export function endStarting(state: RunState, start: PendingStart): void {
  state.starting.delete(start);
  if (state.starting.size === 0) for (const action of state.onceStarted.splice(0)) action();
}

/** Updates the state if a process has called exec or has failed, and that was not reported yet. */
export function collectStarts({ starting }: RunState): void {
  for (const start of [...starting]) start.collect();
}

/** Throws when the unit is unknown, which only a bug can cause: effects come from units of the world. */
export function specOf(world: World, id: string): Spec {
  const entry = world.get(id);
  if (entry === undefined) throw new Error(`unit ${id} is not in the world`);
  return entry.spec;
}

import type { World } from "../../core/world/world.ts";
import type { PortHolder } from "../../ports/port-holder.ts";
import type { PendingStart, ProcessRef, Survivor } from "../../ports/processes.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Launch } from "./launcher.ts";

/** The interpreter's state for the current run of a unit. */
export interface RunState {
  readonly run: number;
  readonly invocation: string;
  /** Null until the first process of the run is prepared. */
  launch: Launch | null;
  /** Processes of the run that have not called exec yet. */
  readonly starting: Set<PendingStart>;
  /** Actions that wait until all processes in `starting` have called exec or failed. */
  onceStarted: Array<() => void>;
  /** The main process, or the hook that runs in its place. */
  current: ProcessRef | null;
  /** The last known process of the run, alive or not. The search for remaining processes of the run begins with it. */
  anchor: ProcessRef | null;
  /** True once a signal was sent to the run, so that no further pre_start hook is started. */
  aborted: boolean;
  /** Called when `aborted` becomes true. */
  onAborted: (() => void) | null;
  /** The process that listened on the unit's port before the run began, or null if the port was free. */
  portHolder: PortHolder | null;
  /** Number of main processes that the run has had. If a main process was replaced (MAINPID=), its exit does not end the run. */
  mains: number;
  /** The processes that needed SIGKILL. */
  readonly killed: Survivor[];
  /** Aborts the probe that is running. */
  readonly probeAbort: ProbeAbort;
}

/**
 * Works like an AbortController, but creates one only for a run that is probed. Most runs are not probed, and each controller
 * takes memory and time.
 */
class ProbeAbort {
  #controller: AbortController | null = null;
  #isAborted = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}

/** Holds the state of the current run of each unit. */
export class Runs {
  readonly #states = new Map<string, RunState>();
  readonly #invocationOf: (id: string, run: number) => string;

  constructor(invocationOf: (id: string, run: number) => string) {
    this.#invocationOf = invocationOf;
  }

  get(id: string): RunState | undefined {
    return this.#states.get(id);
  }

  /** Returns the state of a run. The first effect of a run creates the state, and aborts a probe of the previous run. */
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
      onAborted: null,
      portHolder: null,
      mains: 0,
      killed: [],
      probeAbort: new ProbeAbort(),
    };
    this.#states.set(id, state);
    return state;
  }

  forget(id: string): void {
    this.#states.delete(id);
  }
}

/** Must be called when a process has called exec or has failed, after the state was updated. */
export function endStarting(state: RunState, start: PendingStart): void {
  state.starting.delete(start);
  if (state.starting.size === 0) for (const action of state.onceStarted.splice(0)) action();
}

/** Updates the state for processes that have called exec or have failed, if that was not reported yet. */
export function collectStarts({ starting }: RunState): void {
  for (const start of [...starting]) start.collect();
}

/** Returns the spec of a unit. Throws if the unit is unknown, which is a bug, because only units of the world cause effects. */
export function specOf(world: World, id: string): Spec {
  const entry = world.get(id);
  if (entry === undefined) throw new Error(`unit ${id} is not in the world`);
  return entry.spec;
}

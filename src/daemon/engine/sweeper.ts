import { SIGNALS } from "../../base/signals.ts";
import type { KillMode } from "../../base/words.ts";
import type { WorldEvent } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { Processes, Survivor, TreeOf } from "../../ports/processes.ts";
import { collectStarts, type Runs, type RunState } from "./runs.ts";

export interface SweeperOptions {
  readonly processes: Processes;
  readonly logs: LogStore;
  readonly post: (...events: readonly WorldEvent[]) => void;
}

/** Signals the processes of a run and ends those that outlive the main process. */
export class Sweeper {
  readonly #o: SweeperOptions;
  readonly #runs: Runs;

  constructor(options: SweeperOptions, runs: Runs) {
    this.#o = options;
    this.#runs = runs;
  }

  signal(id: string, run: number, signal: number, mode: KillMode): void {
    this.#abort(id, run, (tree) => this.#o.processes.signalTree(tree, signal, mode));
  }

  /** A process that has not called exec is killed without further ado: nothing of the service runs in it. */
  kill(id: string, run: number): void {
    const state = this.#runs.get(id);
    if (state?.run === run) {
      collectStarts(state);
      for (const start of [...state.starting]) start.abort();
    }
    this.#abort(id, run, (tree, state) => void state.killed.push(...this.#o.processes.killTree(tree)));
  }

  /** Signals the processes that the main process left behind. Answers with `swept` when none is left. */
  sweep(id: string, run: number, signal: number): void {
    const { processes } = this.#o;
    const state = this.#runs.begin(id, run);
    state.probeAbort.abort();
    if (state.anchor === null) return this.#swept(id, run, [], false);
    const tree = { invocation: state.invocation, main: state.anchor };
    const done = (left: boolean): void => {
      this.#o.logs.endRun(id);
      this.#swept(id, run, names(state.killed), left);
    };
    // Nearly always true. Answering at once saves a restart from waiting for another turn of the event loop.
    if (processes.isEmpty(tree)) return done(false);
    if (signal === SIGNALS.SIGKILL) state.killed.push(...processes.killTree(tree));
    else if (signal !== 0) processes.signalTree(tree, signal, "group");
    processes.whenEmpty(tree, () => done(signal !== 0));
  }

  /**
   * Waits for a process that is being set up, because before exec a signal would find no handler of the service. Does nothing when
   * the run has no process: its spawn failed, and `spawnFailed` is already in the mailbox.
   */
  #abort(id: string, run: number, action: (tree: TreeOf, state: RunState) => void): void {
    const state = this.#runs.get(id);
    if (state?.run !== run) return;
    state.aborted = true;
    collectStarts(state);
    if (state.starting.size > 0 && state.current === null) return void state.onceStarted.push(() => this.#abort(id, run, action));
    if (state.anchor !== null) action({ invocation: state.invocation, main: state.anchor }, state);
  }

  #swept(id: string, run: number, killed: readonly string[], left: boolean): void {
    this.#o.post({ type: "fact", id, fact: { type: "swept", run, killed, ...(left && { left }) } });
  }
}

/** One name for each process, however often it was killed: "worker (812)". */
const names = (killed: readonly Survivor[]): string[] => [...new Map(killed.map((one) => [one.pid, `${one.name} (${one.pid})`])).values()];

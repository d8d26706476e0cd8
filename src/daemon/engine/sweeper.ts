import { SIGNALS } from "../../base/signals.ts";
import type { KillMode } from "../../base/words.ts";
import type { WorldEvent } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { Processes, Survivor, TreeOf } from "../../ports/processes.ts";
import type { Terminals } from "../../ports/terminals.ts";
import type { TerminalViewers } from "./terminal-viewers.ts";
import { collectStarts, type Runs, type RunState } from "./runs.ts";

export interface SweeperOptions {
  readonly processes: Processes;
  readonly logs: LogStore;
  readonly terminals: Terminals;
  readonly viewers: Pick<TerminalViewers, "sizeOf" | "follow" | "endOf">;
  readonly post: (...events: readonly WorldEvent[]) => void;
}

/** Sends signals to the processes of a run, and ends the processes that outlive the main process. */
export class Sweeper {
  readonly #o: SweeperOptions;
  readonly #runs: Runs;

  constructor(options: SweeperOptions, runs: Runs) {
    this.#o = options;
    this.#runs = runs;
  }

  /** Sends a signal. Posts `signalSent`, so that the next daemon does not send it a second time. */
  signal(id: string, run: number, signal: number, mode: KillMode): void {
    this.#abort(id, run, (tree) => {
      this.#o.processes.signalTree(tree, signal, mode);
      this.#o.post({ type: "fact", id, fact: { type: "signalSent", run } });
    });
  }

  /**
   * Kills all processes of a run. Starts whose process has not called exec yet are aborted first. The abort kills that
   * process, which runs no code of the service yet.
   */
  kill(id: string, run: number): void {
    const state = this.#runs.get(id);
    if (state?.run === run) {
      collectStarts(state);
      for (const start of [...state.starting]) start.abort();
    }
    this.#abort(id, run, (tree, state) => void state.killed.push(...this.#o.processes.killTree(tree)));
  }

  /** Sends the signal to the processes that the main process left behind. Posts `swept` when all of them have ended. */
  sweep(id: string, run: number, signal: number): void {
    const { processes } = this.#o;
    const state = this.#runs.begin(id, run);
    state.probeAbort.abort();
    if (state.anchor === null) {
      this.#closeTerminal(id);
      return this.#swept(id, run, [], false);
    }
    const tree = { invocation: state.invocation, main: state.anchor };
    const done = (left: boolean): void => {
      this.#endOutput(id);
      this.#swept(id, run, names(state.killed), left);
    };
    // The tree is nearly always empty. With an immediate result, a restart need not wait for another turn of the event loop.
    if (processes.isEmpty(tree)) return done(false);
    if (signal === SIGNALS.SIGKILL) state.killed.push(...processes.killTree(tree));
    else if (signal !== 0) processes.signalTree(tree, signal, "group");
    processes.whenEmpty(tree, () => done(signal !== 0));
  }

  /**
   * Performs `action` once no process of the run is being set up, because a signal before exec would not reach a handler of
   * the service. Does nothing if the run has no process. In that case its spawn has failed, and `spawnFailed` is already in
   * the mailbox.
   */
  #abort(id: string, run: number, action: (tree: TreeOf, state: RunState) => void): void {
    const state = this.#runs.get(id);
    if (state?.run !== run) return;
    state.aborted = true;
    state.onAborted?.();
    collectStarts(state);
    if (state.starting.size > 0 && state.current === null) return void state.onceStarted.push(() => this.#abort(id, run, action));
    if (state.anchor !== null) action({ invocation: state.invocation, main: state.anchor }, state);
  }

  #endOutput(id: string): void {
    this.#o.terminals.drain(id);
    this.#o.logs.endRun(id);
    this.#closeTerminal(id);
  }

  #closeTerminal(id: string): void {
    this.#o.terminals.close(id);
    this.#o.viewers.endOf(id);
  }

  #swept(id: string, run: number, killed: readonly string[], left: boolean): void {
    this.#o.post({ type: "fact", id, fact: { type: "swept", run, killed, ...(left && { left }) } });
  }
}

/** Returns one name for each killed process, such as "worker (812)", even if a process was killed more than once. */
const names = (killed: readonly Survivor[]): string[] => [...new Map(killed.map((one) => [one.pid, `${one.name} (${one.pid})`])).values()];

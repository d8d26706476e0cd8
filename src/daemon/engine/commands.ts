import { formatDuration } from "../../base/duration.ts";
import { describeExit, type Exit } from "../../base/exit.ts";
import type { Fact, World, WorldEvent } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { Processes, ProcessRef, SpawnResult } from "../../ports/processes.ts";
import type { HookSpec } from "../../spec/spec.ts";
import { hookVariables } from "./hook-variables.ts";
import { hookRequest, spawnFailure, type Launcher } from "./launcher.ts";
import { withWriters } from "./main-process.ts";
import { endStarting, specOf, type Runs, type RunState } from "./runs.ts";

export interface CommandsOptions {
  readonly world: World;
  readonly processes: Processes;
  readonly logs: LogStore;
  readonly launcher: Launcher;
  readonly post: (...events: readonly WorldEvent[]) => void;
}

/** With this value as its invocation, a process tree consists of the session of one command, without the other processes of the run. */
const SESSION_ONLY = "";

const HOOKS = {
  pre_start: { key: "preStart", answer: "prepared" },
  pre_restart: { key: "preRestart", answer: "restartTested" },
  post_stop: { key: "postStop", answer: "finished" },
} as const;

const mainVariables = ({ current }: RunState): Readonly<Record<string, string>> =>
  current === null ? {} : { MAINPID: String(current.pid) };

type Answer = (failure: string | null) => void;

/** Runs all commands of a unit except its main process: the hooks (such as pre_start and post_stop) and the reload command. */
export class Commands {
  readonly #o: CommandsOptions;
  readonly #runs: Runs;

  constructor(options: CommandsOptions, runs: Runs) {
    this.#o = options;
    this.#runs = runs;
  }

  /** Runs the hooks one after the other until one fails. Posts `prepared`, `restartTested` or `finished` at the end. */
  runHooks(id: string, run: number, which: keyof typeof HOOKS): void {
    const { world, launcher, logs } = this.#o;
    const spec = specOf(world, id);
    const state = this.#runs.begin(id, run);
    const answer: Answer = (failure) => this.#fact(id, { type: HOOKS[which].answer, run, failure });
    if (state.launch === null) {
      const launch = launcher.prepare(spec, state.invocation);
      if (!launch.ok) return answer(launch.error);
      state.launch = launch.value;
    }
    logs.open(id, spec.log);
    const extra = which === "pre_start" ? {} : which === "pre_restart" ? mainVariables(state) : hookVariables(world.get(id)?.unit);
    const next = (rest: readonly HookSpec[]): void => {
      const [hook, ...later] = rest;
      if (hook === undefined) return answer(null);
      if (which !== "post_stop" && state.aborted) return answer("the run was stopped");
      this.#run(id, state, hook, extra, (failure) => (failure === null ? next(later) : answer(`${which} ${hook.command}: ${failure}`)));
    };
    next(spec[HOOKS[which].key]);
  }

  /** Sends the reload signal, or runs the reload command. Posts `reloaded` at the end. */
  reload(id: string, run: number): void {
    const { reload } = specOf(this.#o.world, id);
    const state = this.#runs.begin(id, run);
    const answer: Answer = (failure) => this.#fact(id, { type: "reloaded", run, failure });
    if (reload === null) return answer("the unit has no `reload`");
    if (state.current === null) return answer("the main process has ended");
    if (reload.kind === "signal")
      return answer(this.#o.processes.signal(state.current, reload.signal) ? null : "the main process has ended");
    this.#run(id, state, reload, mainVariables(state), answer);
  }

  /** Runs one command, and calls `answer` with null if it succeeded, or else with the reason for its failure. */
  #run(id: string, state: RunState, hook: HookSpec, extra: Readonly<Record<string, string>>, answer: Answer): void {
    const { world, processes, logs } = this.#o;
    const main = state.current;
    let ref: ProcessRef | null = null;
    let timedOut = false;
    const finish = (failure: string | null): void => {
      clearTimeout(timer);
      answer(timedOut ? `did not end within ${formatDuration(hook.timeoutMs)}` : failure);
    };
    const onStarted = (result: SpawnResult): void => {
      if (result.ok) {
        ref = result.ref;
        // While pre_start runs there is no main process, so a stop has to reach the command instead.
        state.current ??= ref;
        state.anchor ??= ref;
      } else finish(spawnFailure(result).message);
      endStarting(state, start);
    };
    const onExit = (exit: Exit): void => {
      if (state.current === ref) state.current = main;
      logs.drain(id);
      finish(exit.kind === "code" && exit.code === 0 ? null : describeExit(exit));
    };
    const built = withWriters(logs, id, (fds) => {
      const request = hookRequest(specOf(world, id), state.launch!, hook, fds, extra);
      return request.ok ? ({ ok: true, value: processes.spawn(request.value, onStarted, onExit) } as const) : request;
    });
    if (!built.ok) return answer(built.error);
    const start = built.value;
    state.starting.add(start);
    const timer = setTimeout(() => {
      timedOut = true;
      if (ref === null) start.abort();
      else processes.killTree({ invocation: SESSION_ONLY, main: ref });
    }, hook.timeoutMs);
  }

  #fact(id: string, fact: Fact): void {
    this.#o.post({ type: "fact", id, fact });
  }
}

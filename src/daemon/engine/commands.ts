import { formatDuration } from "../../base/duration.ts";
import { describeExit, type Exit } from "../../base/exit.ts";
import type { Fact, World, WorldEvent } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { ProcessRef, SpawnResult } from "../../ports/processes.ts";
import { unmetWords } from "../../core/explain/conditions.ts";
import type { CommandCondition, HookSpec } from "../../spec/spec.ts";
import { checkPaths, type PathCheckOptions } from "./check-paths.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { hookVariables } from "./hook-variables.ts";
import { hookRequest, spawnFailure } from "./launcher.ts";
import { withWriters } from "./main-process.ts";
import { endStarting, specOf, type Runs, type RunState } from "./runs.ts";

export interface CommandsOptions extends PathCheckOptions {
  readonly world: World;
  readonly logs: LogStore;
  readonly fingerprints: Pick<Fingerprints, "take">;
  readonly post: (...events: readonly WorldEvent[]) => void;
}

/** As an invocation id, this value selects only the session of one command instead of all processes of the run. */
const SESSION_ONLY = "";

const HOOKS = {
  pre_start: { key: "preStart", answer: "prepared" },
  pre_restart: { key: "preRestart", answer: "restartTested" },
  post_stop: { key: "postStop", answer: "finished" },
} as const;

const mainVariables = ({ current }: RunState): Readonly<Record<string, string>> =>
  current === null ? {} : { MAINPID: String(current.pid) };

const STOPPED = "the run was stopped";

/**
 * This exit code means that the command failed; the others mean that the condition is not met. The rule is that of
 * ExecCondition= in systemd.service(5).
 */
const CONDITION_FAILED = 255;

type Answer = (failure: string | null) => void;

/** How a command ended: its exit, or the reason why it could not be run or was killed. */
type End = Exit | string;

/** Runs all commands of a unit except its main process: conditions, the hooks (such as pre_start and post_stop) and the reload command. */
export class Commands {
  readonly #o: CommandsOptions;
  readonly #runs: Runs;

  constructor(options: CommandsOptions, runs: Runs) {
    this.#o = options;
    this.#runs = runs;
  }

  /** Checks the conditions and then runs the pre_start commands. Posts `prepared` at the end. */
  prepare(id: string, run: number): void {
    const spec = specOf(this.#o.world, id);
    if (spec.conditions.length === 0) return this.runHooks(id, run, "pre_start");
    const state = this.#runs.begin(id, run);
    const answer = (result: { readonly failure: string } | { readonly unmet: string }): void => {
      if ("failure" in result) this.#takeFingerprint(id, state);
      this.#fact(id, { type: "prepared", run, failure: null, ...result });
    };
    const commands = spec.conditions.filter((one) => one.kind === "command");
    const next = ([command, ...later]: readonly CommandCondition[]): void => {
      if (state.aborted) return answer({ failure: STOPPED });
      if (command === undefined) return this.runHooks(id, run, "pre_start");
      this.#runCondition(id, state, command, (failure, isMet) => {
        if (failure !== null) answer({ failure: `condition ${command.command}: ${failure}` });
        else if (isMet) next(later);
        else answer({ unmet: unmetWords(command) });
      });
    };
    const cancel = checkPaths(this.#o, spec, (failure, unmet) => {
      state.onAborted = null;
      if (failure !== null) answer({ failure: `cannot check the conditions: ${failure}` });
      else if (unmet !== null) answer({ unmet: unmetWords(unmet) });
      else next(commands);
    });
    state.onAborted = () => cancel(STOPPED);
  }

  /** Runs the hooks one after the other until one fails. Posts `prepared`, `restartTested` or `finished` at the end. */
  runHooks(id: string, run: number, which: keyof typeof HOOKS): void {
    const { world } = this.#o;
    const spec = specOf(world, id);
    const state = this.#runs.begin(id, run);
    const answer: Answer = (failure) => {
      if (which === "pre_start" && failure !== null) this.#takeFingerprint(id, state);
      this.#fact(id, { type: HOOKS[which].answer, run, failure });
    };
    if (spec[HOOKS[which].key].length === 0) return answer(null);
    const unready = this.#makeReady(id, state);
    if (unready !== null) return answer(unready);
    const extra = which === "pre_start" ? {} : which === "pre_restart" ? mainVariables(state) : hookVariables(world.get(id)?.unit);
    const next = (rest: readonly HookSpec[]): void => {
      const [hook, ...later] = rest;
      if (hook === undefined) return answer(null);
      if (which !== "post_stop" && state.aborted) return answer(STOPPED);
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
    this.#runToEnd(id, state, hook, extra, (end) => {
      if (typeof end === "string") answer(end);
      else answer(end.kind === "code" && end.code === 0 ? null : describeExit(end));
    });
  }

  /** Reports whether the condition is met, or why the command failed. Kills any process of the command that is still running at its end. */
  #runCondition(id: string, state: RunState, condition: CommandCondition, answer: (failure: string | null, isMet: boolean) => void): void {
    const unready = this.#makeReady(id, state);
    if (unready !== null) return answer(unready, false);
    this.#runToEnd(id, state, condition, {}, (end, ref) => {
      if (ref !== null) this.#o.processes.killTree({ invocation: SESSION_ONLY, main: ref });
      if (typeof end === "string") answer(end, false);
      else if (end.kind !== "code" || end.code === CONDITION_FAILED) answer(describeExit(end), false);
      else answer(null, (end.code === 0) !== condition.not);
    });
  }

  /** Prepares the environment of the run and its log. Returns why that failed, or null. */
  #makeReady(id: string, state: RunState): string | null {
    const { world, launcher, logs } = this.#o;
    const spec = specOf(world, id);
    if (state.launch === null) {
      const launch = launcher.prepare(spec, state.invocation, world.get(id)?.unit.generation);
      if (!launch.ok) return launch.error;
      state.launch = launch.value;
    }
    logs.open(id, spec.log);
    return null;
  }

  #runToEnd(
    id: string,
    state: RunState,
    hook: HookSpec,
    extra: Readonly<Record<string, string>>,
    answer: (end: End, ref: ProcessRef | null) => void,
  ): void {
    const { world, processes, logs } = this.#o;
    const main = state.current;
    let ref: ProcessRef | null = null;
    let timedOut = false;
    const finish = (end: End): void => {
      clearTimeout(timer);
      answer(timedOut ? `did not end within ${formatDuration(hook.timeoutMs)}` : end, ref);
    };
    const onStarted = (result: SpawnResult): void => {
      if (result.ok) {
        ref = result.ref;
        // While pre_start runs there is no main process, so a stop must signal the command instead.
        state.current ??= ref;
        state.anchor ??= ref;
      } else finish(spawnFailure(result).message);
      endStarting(state, start);
    };
    const onExit = (exit: Exit): void => {
      if (state.current === ref) state.current = main;
      logs.drain(id);
      finish(exit);
    };
    const built = withWriters(logs, id, (fds) => {
      const request = hookRequest(specOf(world, id), state.launch!, hook, fds, extra);
      return request.ok ? ({ ok: true, value: processes.spawn(request.value, onStarted, onExit) } as const) : request;
    });
    if (!built.ok) return answer(built.error, null);
    const start = built.value;
    state.starting.add(start);
    const timer = setTimeout(() => {
      timedOut = true;
      if (ref === null) start.abort();
      else processes.killTree({ invocation: SESSION_ONLY, main: ref });
    }, hook.timeoutMs);
  }

  /** Takes the fingerprint of a run that will have no main process. */
  #takeFingerprint(id: string, { invocation, launch }: RunState): void {
    this.#o.fingerprints.take(id, invocation, launch, false);
  }

  #fact(id: string, fact: Fact): void {
    this.#o.post({ type: "fact", id, fact });
  }
}

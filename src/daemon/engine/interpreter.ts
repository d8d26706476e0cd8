import { describeExit, type Exit } from "../../base/exit.ts";
import { formatDuration } from "../../base/duration.ts";
import { SIGNALS } from "../../base/signals.ts";
import type { CheckResult } from "../../core/unit/check.ts";
import { mayProbe } from "../../core/unit/phase.ts";
import type { SpawnFailure, Unit } from "../../core/unit/record.ts";
import type { Fact, World, WorldEffect, WorldEvent } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { SdNotifySockets } from "../../ports/sd-notify.ts";
import type { Prober } from "../../ports/prober.ts";
import type { Processes, ProcessRef, Survivor } from "../../ports/processes.ts";
import { expandProbe } from "../../spec/load/expand.ts";
import type { HookSpec, Spec } from "../../spec/spec.ts";
import { hookRequest, mainRequest, spawnFailure, type Launch, type Launcher } from "./launcher.ts";
import { ServiceNotify, type LiveRun } from "./service-notify.ts";
import { probeWithFallback } from "./probing.ts";
import { hookVariables } from "./hook-variables.ts";
import { listenVariables, type SocketHolder } from "./socket-holder.ts";

export interface InterpreterOptions {
  readonly world: World;
  readonly processes: Processes;
  readonly logs: LogStore;
  readonly prober: Prober;
  readonly launcher: Launcher;
  readonly sockets: SocketHolder;
  readonly notify: SdNotifySockets;
  readonly clock: Clock;
  readonly bootId: string;
  /** The value of SUP_INVOCATION_ID: the same for a unit's run in every daemon of this state directory. */
  readonly invocationOf: (id: string, run: number) => string;
  /** Hears of every probe: milliseconds to its answer, null when there was none. */
  readonly onProbe: (id: string, responseMs: number | null) => void;
  readonly post: (...events: readonly WorldEvent[]) => void;
  readonly bug: (message: string, error?: unknown) => void;
}

/** The tree of one command alone: its session, without the rest of the run. */
const NOT_BY_INVOCATION = "";

/** Past every pid of Linux (2^22 at most): a run whose main process is not known is found by its invocation alone. */
const NO_PID = 0x7fffffff;

/** What the interpreter knows of a unit's current run. */
interface RunState {
  readonly run: number;
  readonly invocation: string;
  launch: Launch | null;
  /** The main process, or the hook that runs in its place. */
  current: ProcessRef | null;
  /** The last process of the run, alive or not: what is left of the run is found from it. */
  anchor: ProcessRef | null;
  /** A signal was sent while hooks ran: no further hook is started. */
  aborted: boolean;
  /** Counts the main processes of the run: the end of one that was replaced is not the end of the run. */
  mains: number;
  readonly killed: Survivor[];
  readonly cancel: AbortController;
  stopWaiting: (() => void) | null;
}

/** Performs effects. It decides nothing: whatever comes of an effect goes back into the mailbox with its run. */
export class Interpreter {
  readonly #options: InterpreterOptions;
  readonly #runs = new Map<string, RunState>();
  readonly #probeWaiters = new Map<string, Array<() => void>>();
  readonly #notices: ServiceNotify;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    const { processes, post, logs } = options;
    const note = (id: string, text: string): void => logs.note(id, text);
    this.#notices = new ServiceNotify({ sockets: options.notify, processes, post, note, runOf: (id) => this.#liveRun(id) });
  }

  perform(effect: WorldEffect): void {
    try {
      this.#perform(effect);
    } catch (error) {
      this.#options.bug(`cannot perform ${effect.type} of ${effect.id}`, error);
      this.#answerFault(effect, error);
    }
  }

  /** The unit is down and gone. */
  forget(id: string): void {
    const state = this.#runs.get(id);
    if (state === undefined) return;
    this.#runs.delete(id);
    this.#notices.forget(id);
    this.#options.processes.forget(state.invocation);
  }

  /** Resolves when the probe that is under way, or is about to be, has its result; at once when none can be. */
  whenProbed(id: string): Promise<void> {
    const entry = this.#options.world.get(id);
    if (entry?.check == null || !mayProbe(entry.unit, entry.spec)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = this.#probeWaiters.get(id) ?? [];
    this.#probeWaiters.set(id, [...waiters, resolve]);
    return promise;
  }

  /** Takes over the live main process of a run that an earlier daemon began. */
  adopt(id: string, unit: Unit, spec: Spec): "adopted" | "ended" | "gone" {
    const state = this.#begin(id, unit.run);
    // A hook, or a command that was executed in the very moment of the crash, may be there: the sweep is to find it.
    state.anchor = unit.process ?? { pid: NO_PID, startTicks: 0, bootId: this.#options.bootId };
    state.current = unit.process;
    if (unit.process === null) return "gone";
    const launch = this.#options.launcher.prepare(spec, state.invocation);
    if (launch.ok) {
      state.launch = launch.value;
      const { sockets } = this.#options;
      if (spec.sockets.length > 0 && !sockets.has(id)) sockets.takeBack(spec, launch.value, unit.process);
    }
    const adopted = this.#options.processes.adopt(unit.process, this.#endOf(id, state));
    // Heard from the next turn of the loop on. Without a socket it can say nothing: its unit's deadlines tell.
    const heard = this.#notices.open(spec);
    if (!heard.ok) this.#options.logs.note(id, heard.error);
    return adopted;
  }

  /** After a crash of the daemon: a unit that waits for its next start is reachable meanwhile. Why not, is told at the start. */
  holdSockets(id: string, unit: Unit, spec: Spec): void {
    const launch = spec.sockets.length === 0 ? null : this.#options.launcher.prepare(spec, this.#options.invocationOf(id, unit.run));
    if (launch?.ok) this.#options.sockets.open(spec, launch.value);
  }

  #perform(effect: WorldEffect): void {
    const { id } = effect;
    switch (effect.type) {
      case "record":
        return; // recorded with the turn
      case "note":
        return this.#options.logs.note(id, effect.text);
      case "prepare":
        this.#begin(id, effect.run);
        return this.#hooks(id, effect.run, "pre_start");
      case "spawn":
        return this.#spawn(id, effect.run);
      case "signal":
        return this.#withTree(id, effect.run, (tree, state) => {
          state.aborted = true;
          this.#options.processes.signalTree(tree, effect.signal, effect.mode);
        });
      case "kill":
        return this.#withTree(id, effect.run, (tree, state) => {
          state.aborted = true;
          state.killed.push(...this.#options.processes.killTree(tree));
        });
      case "sweep":
        return this.#sweep(id, effect.run, effect.signal);
      case "finish":
        return this.#hooks(id, effect.run, "post_stop");
      case "reload":
        return this.#reload(id, effect.run);
      case "probe":
        return this.#probe(id, effect.run, effect.seq);
    }
  }

  #begin(id: string, run: number): RunState {
    const known = this.#runs.get(id);
    if (known?.run === run) return known;
    known?.cancel.abort();
    const invocation = this.#options.invocationOf(id, run);
    const state: RunState = {
      run,
      invocation,
      launch: null,
      current: null,
      anchor: null,
      aborted: false,
      mains: 0,
      killed: [],
      cancel: new AbortController(),
      stopWaiting: null,
    };
    this.#runs.set(id, state);
    return state;
  }

  #spawn(id: string, run: number): void {
    const { processes, logs, launcher } = this.#options;
    const spec = this.#specOf(id);
    const state = this.#begin(id, run);
    const launch = launcher.prepare(spec, state.invocation);
    if (!launch.ok)
      return this.#fact(id, { type: "spawnFailed", run, failure: { stage: "prepare", message: launch.error, resources: false } });
    state.launch = launch.value;
    const held = this.#options.sockets.open(spec, launch.value);
    if (!held.ok) return this.#fact(id, { type: "spawnFailed", run, failure: { stage: "prepare", message: held.error, resources: false } });
    const notify = this.#notices.open(spec);
    if (!notify.ok)
      return this.#fact(id, { type: "spawnFailed", run, failure: { stage: "prepare", message: notify.error, resources: true } });
    logs.open(id, spec.log);
    logs.markRun(id);
    const extra = { ...listenVariables(held.value), ...notify.value };
    const result = this.#withWriters(id, (fds) =>
      processes.spawn(mainRequest(spec, launch.value, [...fds, ...held.value.map(({ fd }) => fd)], extra), this.#endOf(id, state)),
    );
    if (!result.ok) {
      const failure = spawnFailure(result);
      logs.note(id, failure.message);
      return this.#fact(id, { type: "spawnFailed", run, failure });
    }
    state.current = result.ref;
    state.anchor = result.ref;
    this.#fact(id, { type: "spawned", run, process: result.ref });
  }

  #withWriters<T>(id: string, action: (fds: readonly (number | null)[]) => T): T {
    const writers = this.#options.logs.writers(id);
    try {
      return action([null, writers.stdout, writers.stderr]);
    } finally {
      writers.close();
    }
  }

  /** What is done when the process that is about to be the main one ends. */
  #endOf(id: string, state: RunState): (exit: Exit) => void {
    const main = ++state.mains;
    return (exit) => {
      this.#notices.drain(id); // its last words may be READY=1, or name another main process
      if (state.mains !== main) return;
      if (this.#runs.get(id) === state) state.cancel.abort();
      this.#options.logs.drain(id);
      this.#fact(id, { type: "exited", run: state.run, exit: this.#explained(exit, state) });
    };
  }

  /** A SIGKILL that we did not send may be the kernel's. */
  #explained(exit: Exit, { aborted, invocation }: RunState): Exit {
    const unseen = exit.kind === "lost"; // of an adopted process, on kernels that do not tell
    if (aborted || (!unseen && (exit.kind !== "signal" || exit.signal !== SIGNALS.SIGKILL))) return exit;
    return this.#options.processes.ranOutOfMemory(invocation, unseen)
      ? { kind: "signal", signal: SIGNALS.SIGKILL, core: false, oom: true }
      : exit;
  }

  #liveRun(id: string): LiveRun | null {
    const state = this.#runs.get(id);
    const main = state?.current;
    if (state === undefined || main == null || state.mains === 0) return null;
    const changeMain = (ref: ProcessRef): boolean => {
      if (this.#options.processes.adopt(ref, this.#endOf(id, state)) !== "adopted") return false;
      state.current = ref;
      state.anchor = ref;
      return true;
    };
    return { run: state.run, tree: { invocation: state.invocation, main }, changeMain };
  }

  /** Ends what the main process left behind, and tells when nothing is left. */
  #sweep(id: string, run: number, signal: number): void {
    const { processes } = this.#options;
    const state = this.#begin(id, run);
    state.cancel.abort();
    if (state.anchor === null) return this.#fact(id, { type: "swept", run, killed: [] });
    const tree = { invocation: state.invocation, main: state.anchor };
    const done = (): void => {
      this.#options.logs.endRun(id);
      this.#fact(id, { type: "swept", run, killed: names(state.killed) });
    };
    if (processes.isEmpty(tree)) return done(); // nearly always, and a restart should not wait for another turn of the loop
    if (signal === SIGNALS.SIGKILL) state.killed.push(...processes.killTree(tree));
    else if (signal !== 0) processes.signalTree(tree, signal, "group");
    state.stopWaiting = processes.whenEmpty(tree, done);
  }

  /** Runs the commands one after the other; the first failure ends the row. */
  #hooks(id: string, run: number, which: "pre_start" | "post_stop"): void {
    const spec = this.#specOf(id);
    const state = this.#begin(id, run);
    const answer = (failure: string | null): void =>
      this.#fact(id, { type: which === "pre_start" ? "prepared" : "finished", run, failure });
    const launch =
      state.launch === null ? this.#options.launcher.prepare(spec, state.invocation) : ({ ok: true, value: state.launch } as const);
    if (!launch.ok) return answer(launch.error);
    state.launch = launch.value;
    this.#options.logs.open(id, spec.log);
    const extra = which === "post_stop" ? hookVariables(this.#options.world.get(id)?.unit) : {};
    const next = (rest: readonly HookSpec[]): void => {
      const [hook, ...later] = rest;
      if (hook === undefined) return answer(null);
      if (which === "pre_start" && state.aborted) return answer("stopped meanwhile");
      this.#command(id, state, hook, extra, (failure) => (failure === null ? next(later) : answer(`${which} ${hook.command}: ${failure}`)));
    };
    next(which === "pre_start" ? spec.preStart : spec.postStop);
  }

  /** One command of the unit besides its main process; answers null, or what went wrong. */
  #command(
    id: string,
    state: RunState,
    hook: HookSpec,
    extra: Readonly<Record<string, string>>,
    answer: (failure: string | null) => void,
  ): void {
    const { processes } = this.#options;
    const main = state.current;
    let timer: Timer | null = null;
    let timedOut = false;
    const built = this.#withWriters(id, (fds) => {
      const request = hookRequest(this.#specOf(id), state.launch!, hook, fds, extra);
      if (!request.ok) return request;
      const onExit = (exit: Exit): void => {
        if (timer) clearTimeout(timer);
        if (state.current === ref) state.current = main;
        this.#options.logs.drain(id);
        if (timedOut) return answer(`did not end within ${formatDuration(hook.timeoutMs)}`);
        answer(exit.kind === "code" && exit.code === 0 ? null : describeExit(exit));
      };
      return { ok: true, value: processes.spawn(request.value, onExit) } as const;
    });
    if (!built.ok) return answer(built.error);
    if (!built.value.ok) return answer(spawnFailure(built.value).message);
    const ref = built.value.ref;
    // While pre_start runs there is no main process: a stop has to reach the command instead.
    state.current ??= ref;
    state.anchor ??= ref;
    timer = setTimeout(() => {
      timedOut = true;
      processes.killTree({ invocation: NOT_BY_INVOCATION, main: ref });
    }, hook.timeoutMs);
  }

  #reload(id: string, run: number): void {
    const { reload } = this.#specOf(id);
    const state = this.#begin(id, run);
    const answer = (failure: string | null): void => this.#fact(id, { type: "reloaded", run, failure });
    if (reload === null) return answer("the unit has no `reload`");
    if (state.current === null) return answer("its main process is gone");
    if (reload.kind === "signal")
      return answer(this.#options.processes.signal(state.current, reload.signal) ? null : "its main process is gone");
    this.#command(id, state, reload, { MAINPID: String(state.current.pid) }, answer);
  }

  #probe(id: string, run: number, seq: number): void {
    const { check } = this.#specOf(id);
    const state = this.#begin(id, run);
    if (check === null) return;
    const answer = (result: CheckResult): void => {
      this.#options.onProbe(id, result.responseMs);
      this.#options.post({ type: "probed", id, run, seq, result });
      for (const resolve of this.#probeWaiters.get(id) ?? []) resolve();
      this.#probeWaiters.delete(id);
    };
    const { launch } = state;
    const fail = (detail: string): void =>
      answer({ atMs: this.#options.clock.monotonicMs(), kind: "broken", detail, responseMs: null, fallback: false });
    if (launch === null) return fail("the run's environment is not known");
    const probe = expandProbe(
      check.fallback === null ? check.probe : { ...check.probe, fallback: check.fallback },
      launch.env,
      launch.specifiers,
    );
    if (!probe.ok) return fail(probe.error);
    const context = { main: state.current, env: launch.env, cwd: launch.cwd, identity: this.#specOf(id).identity };
    probeWithFallback(this.#options.prober, probe.value, context, state.cancel.signal, this.#options.clock).then(
      answer,
      (error: unknown) => {
        this.#options.bug(`cannot probe ${id}`, error);
        fail("the probe failed inside sup");
      },
    );
  }

  #withTree(id: string, run: number, action: (tree: { invocation: string; main: ProcessRef }, state: RunState) => void): void {
    const state = this.#runs.get(id);
    if (state?.run !== run || state.anchor === null) return; // its spawn failed: the answer is on the way
    action({ invocation: state.invocation, main: state.anchor }, state);
  }

  /** An effect that broke must still be answered, or the unit would wait for ever. */
  #answerFault(effect: WorldEffect, error: unknown): void {
    const { id } = effect;
    const message = `sup failed inside: ${error instanceof Error ? error.message : String(error)}`;
    const failure: SpawnFailure = { stage: "prepare", message, resources: true };
    if (effect.type === "spawn") this.#fact(id, { type: "spawnFailed", run: effect.run, failure });
    if (effect.type === "prepare") this.#fact(id, { type: "prepared", run: effect.run, failure: message });
    if (effect.type === "finish") this.#fact(id, { type: "finished", run: effect.run, failure: message });
    if (effect.type === "sweep") this.#fact(id, { type: "swept", run: effect.run, killed: [] });
    if (effect.type === "reload") this.#fact(id, { type: "reloaded", run: effect.run, failure: message });
  }

  #specOf(id: string): Spec {
    const entry = this.#options.world.get(id);
    if (entry === undefined) throw new Error(`unit ${id} is not in the world`);
    return entry.spec;
  }

  #fact(id: string, fact: Fact): void {
    this.#options.post({ type: "fact", id, fact });
  }
}

const names = (killed: readonly Survivor[]): string[] => [...new Map(killed.map((one) => [one.pid, `${one.name} (${one.pid})`])).values()];

import { closeSync } from "node:fs";
import { resolve } from "node:path";
import { errnoName } from "../../base/errno.ts";
import type { Exit } from "../../base/exit.ts";
import { endsInCarriageReturn, WINDOWS_LINE_ENDINGS } from "../../base/script.ts";
import { ok, type Result } from "../../base/result.ts";
import { SIGNALS } from "../../base/signals.ts";
import type { SpawnFailure, Unit } from "../../core/unit/record.ts";
import type { Fact, World, WorldEvent } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { PortHolder } from "../../ports/port-holder.ts";
import type { PendingStart, Processes, ProcessRef, SpawnRequest, SpawnResult } from "../../ports/processes.ts";
import type { TerminalProblem, Terminals } from "../../ports/terminals.ts";
import type { SdNotifySockets } from "../../ports/sd-notify.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { mainRequest, spawnFailure, type Launcher } from "./launcher.ts";
import { collectStarts, endStarting, specOf, type Runs, type RunState } from "./runs.ts";
import { OutputWatch } from "./output-watch.ts";
import { shareLog } from "./share-log.ts";
import { ServiceNotify, type LiveRun } from "./service-notify.ts";
import { listenVariables, type SocketHolder } from "./socket-holder.ts";
import type { Stdins } from "./stdins.ts";
import type { TerminalViewers } from "./terminal-viewers.ts";

export interface MainProcessOptions {
  readonly world: World;
  readonly processes: Processes;
  readonly logs: LogStore;
  readonly launcher: Launcher;
  readonly sockets: SocketHolder;
  readonly notify: SdNotifySockets;
  readonly stdins: Pick<Stdins, "pass">;
  readonly terminals: Terminals;
  readonly viewers: Pick<TerminalViewers, "sizeOf" | "follow" | "endOf">;
  readonly bootId: string;
  readonly post: (...events: readonly WorldEvent[]) => void;
  /** Returns a message if sup has too few file descriptors left to start a process, or else null. */
  readonly findShortage: () => string | null;
  /** Returns the process that listens on a TCP port, or null if the port is free or the process is unknown. */
  readonly findPortHolder: (port: number) => PortHolder | null;
  /** Returns the first line of a file, or null if the file cannot be read. */
  readonly firstLineOf: (path: string) => Promise<string | null>;
  /** Returns a path without symbolic links, or null if it does not exist. */
  readonly realPathOf: (path: string) => Promise<string | null>;
  readonly fingerprints: Pick<Fingerprints, "take">;
}

/** Larger than any pid of Linux (at most 2^22). A run with this main process is found only by its invocation id. */
const NO_PID = 0x7fffffff;
export const noProcess = (bootId: string): ProcessRef => ({ pid: NO_PID, startTicks: 0, bootId });

/** The exit code with which env(1) and shells report that a command does not exist. */
const NOT_FOUND = 127;

/** Starts or adopts the main process of a run, and reports when it ends. */
export class MainProcesses {
  readonly #o: MainProcessOptions;
  readonly #runs: Runs;
  readonly #notify: ServiceNotify;
  readonly #output: OutputWatch;

  constructor(options: MainProcessOptions, runs: Runs) {
    this.#o = options;
    this.#runs = runs;
    const { processes, post, logs } = options;
    const note = (id: string, text: string): void => logs.note(id, text);
    this.#output = new OutputWatch(options, runs);
    this.#notify = new ServiceNotify({ sockets: options.notify, processes, post, note, runOf: (id) => this.#liveRun(id) });
  }

  /** Starts the main process. Posts `spawned` or `spawnFailed`, and `exited` when the process ends. */
  spawn(id: string, run: number): void {
    const { processes, logs, launcher, sockets, world } = this.#o;
    const spec = specOf(world, id);
    const state = this.#runs.begin(id, run);
    const failed = (message: string, resources = false): void => {
      this.#o.fingerprints.take(id, state.invocation, state.launch, false);
      this.#failed(id, run, { stage: "prepare", message, resources });
    };
    const shortage = this.#o.findShortage();
    if (shortage !== null) return failed(shortage, true);
    const launch = launcher.prepare(spec, state.invocation, world.get(id)?.unit.generation);
    if (!launch.ok) return failed(launch.error);
    state.launch = launch.value;
    state.portHolder = this.#portHolder(spec);
    const held = sockets.open(spec, launch.value);
    if (!held.ok) return failed(held.error);
    const notify = this.#notify.open(spec);
    if (!notify.ok) return failed(notify.error, true);
    logs.open(id, spec.log);
    const unshared = shareLog(this.#o, id);
    if (unshared !== null) return failed(unshared);
    logs.markRun(id);
    this.#output.begin(id, run);
    const extra = { ...listenVariables(held.value), ...notify.value };
    const onExit = this.#endOf(id, state);
    const onStarted = (result: SpawnResult): void => {
      this.#started(id, state, result);
      if (start.ok) endStarting(state, start.value);
    };
    const listeners = held.value.map(({ fd }) => fd);
    const spawn = (streams: SpawnRequest["fds"], terminal: boolean): PendingStart => {
      const request = mainRequest(spec, launch.value, [...streams, ...listeners], extra);
      return processes.spawn(terminal ? onTerminal(request) : request, onStarted, onExit);
    };
    const start = spec.tty
      ? this.#withTerminal(id, (fd) => spawn([fd, fd, fd], true))
      : ok(this.#withPipes(id, (fds) => spawn(fds, false)));
    if (!start.ok) return failed(start.error.message, start.error.isShortage);
    state.starting.add(start.value);
    if (spec.instance !== null && spec.exec.workingDirectory !== null) void this.#locate(id, run, launch.value.cwd);
  }

  /** A health check must not take the response of this process for that of the unit. */
  #portHolder({ check, port, sockets, stop }: Spec): PortHolder | null {
    // With kill_mode "process", the holder may be a process that the last run of the unit left on purpose.
    if (check === null || port === null || sockets.length > 0 || stop.killMode === "process") return null;
    return this.#o.findPortHolder(port);
  }

  #withPipes(id: string, action: (fds: SpawnRequest["fds"]) => PendingStart): PendingStart {
    const { stdins, logs } = this.#o;
    return stdins.pass(id, (stdin) => withWriters(logs, id, ([, ...outputs]) => action([stdin, ...outputs])));
  }

  /** Makes the terminal of a run and passes the program's end to `action`. */
  #withTerminal(id: string, action: (fd: number) => PendingStart): Result<PendingStart, TerminalProblem> {
    const { terminals, viewers, logs } = this.#o;
    const made = withWriters(logs, id, ([, output]) => terminals.open(id, output!, viewers.sizeOf(id)));
    if (!made.ok) return made;
    viewers.follow(id);
    try {
      return ok(action(made.value));
    } finally {
      closeSync(made.value);
    }
  }

  /** Records the real path of the working directory. A symbolic link may lead elsewhere by the time a failed rollout is reverted. */
  async #locate(id: string, run: number, path: string): Promise<void> {
    const directory = await this.#o.realPathOf(path);
    if (directory !== null) this.#o.post({ type: "located", id, run, directory });
  }

  #started(id: string, state: RunState, result: SpawnResult): void {
    const { run } = state;
    this.#o.fingerprints.take(id, state.invocation, state.launch, result.ok || errnoName(result.errno) !== "ETIMEDOUT");
    if (result.ok) {
      state.current = result.ref;
      state.anchor = result.ref;
      this.#fact(id, { type: "spawned", run, process: result.ref });
    } else {
      const failure = spawnFailure(result);
      this.#o.logs.note(id, failure.message);
      this.#failed(id, run, failure);
    }
  }

  /** Adopts the main process of a run that an earlier daemon started. */
  adopt(id: string, unit: Unit, spec: Spec): "adopted" | "ended" | "gone" {
    const { processes, launcher, sockets, logs, bootId } = this.#o;
    const state = this.#runs.begin(id, unit.run);
    // Even if the main process is unknown, a hook or a command that was started just before the crash may still run. The sweep finds it.
    state.anchor = unit.process ?? noProcess(bootId);
    state.current = unit.process;
    if (spec.tty) this.#takeTerminalBack(id);
    if (unit.process === null) return "gone";
    this.#output.begin(id, unit.run);
    shareLog(this.#o, id); // a failure is reported by the next start
    const launch = launcher.prepare(spec, state.invocation, unit.generation);
    if (launch.ok) {
      state.launch = launch.value;
      if (spec.sockets.length > 0 && !sockets.has(spec.service)) sockets.takeBack(spec, launch.value, unit.process);
    }
    const adopted = processes.adopt(unit.process, this.#endOf(id, state));
    // Without a socket the process cannot send notifications, so the unit's deadlines apply.
    const opened = this.#notify.open(spec);
    if (!opened.ok) logs.note(id, opened.error);
    return adopted;
  }

  #takeTerminalBack(id: string): void {
    const { terminals, viewers, logs } = this.#o;
    const isBack = withWriters(logs, id, ([, output]) => terminals.takeBack(id, output!));
    if (isBack) viewers.follow(id);
    else logs.note(id, "the terminal was lost with the earlier daemon and its keeper: restart the unit to attach to it again");
  }

  /** Applies changed log settings to a running unit after its file was loaded again. */
  refresh(id: string): void {
    const { logs, world } = this.#o;
    logs.open(id, specOf(world, id).log);
    const unshared = shareLog(this.#o, id);
    if (unshared !== null) logs.note(id, unshared);
    const state = this.#runs.get(id);
    if (state !== undefined && state.mains > 0) this.#output.begin(id, state.run);
  }

  /** Handles the lines of the log since `from`. An earlier daemon may have read them and been killed before it acted on them. */
  catchUp(id: string, run: number, from: string): Promise<void> {
    return this.#output.catchUp(id, run, from);
  }

  forget(id: string): void {
    this.#notify.forget(id);
  }

  /** Returns the callback for the end of the process that is about to become the main process. */
  #endOf(id: string, state: RunState): (exit: Exit) => void {
    const main = ++state.mains;
    return (exit) => {
      this.#notify.drain(id); // the last notifications may contain READY=1, or name another main process
      if (state.mains !== main) return;
      if (this.#runs.get(id) === state) state.probeAbort.abort();
      this.#o.terminals.drain(id);
      this.#o.logs.drain(id);
      this.#fact(id, { type: "exited", run: state.run, exit: this.#explained(exit, state) });
      if (exit.kind === "code" && exit.code === NOT_FOUND) void this.#noteLineEndings(id, state);
    };
  }

  /**
   * Adds a note to the log if the command is a script with Windows line endings. If its first line is `#!/usr/bin/env bash`
   * with a carriage return at the end, the kernel starts env, which does not find "bash\r".
   */
  async #noteLineEndings(id: string, { launch }: RunState): Promise<void> {
    const [command = ""] = launch?.argv ?? [];
    if (!command.includes("/")) return;
    const line = await this.#o.firstLineOf(resolve(launch?.cwd ?? "/", command));
    if (line !== null && endsInCarriageReturn(line)) this.#o.logs.note(id, `${command}: ${WINDOWS_LINE_ENDINGS}`);
  }

  /** Returns the exit, marked as an out-of-memory kill if the kernel sent the SIGKILL because memory ran out. */
  #explained(exit: Exit, { aborted, invocation }: RunState): Exit {
    const unseen = exit.kind === "lost"; // an adopted process, on kernels that do not report its exit status
    if (aborted || (!unseen && (exit.kind !== "signal" || exit.signal !== SIGNALS.SIGKILL))) return exit;
    return this.#o.processes.ranOutOfMemory(invocation, unseen)
      ? { kind: "signal", signal: SIGNALS.SIGKILL, core: false, oom: true }
      : exit;
  }

  #liveRun(id: string): LiveRun | null {
    const state = this.#runs.get(id);
    if (state !== undefined) collectStarts(state); // a notification may arrive before the daemon has read the result of the spawn
    const main = state?.current;
    if (state === undefined || main == null || state.mains === 0) return null;
    const changeMain = (ref: ProcessRef): boolean => {
      if (this.#o.processes.adopt(ref, this.#endOf(id, state)) !== "adopted") return false;
      state.current = ref;
      state.anchor = ref;
      return true;
    };
    return { run: state.run, tree: { invocation: state.invocation, main }, changeMain };
  }

  #failed(id: string, run: number, failure: SpawnFailure): void {
    this.#fact(id, { type: "spawnFailed", run, failure });
  }

  #fact(id: string, fact: Fact): void {
    this.#o.post({ type: "fact", id, fact });
  }
}

const DEFAULT_TERM = "xterm-256color";

/** Returns the request for a process whose standard input is its controlling terminal. */
const onTerminal = (request: SpawnRequest): SpawnRequest => ({
  ...request,
  env: { TERM: DEFAULT_TERM, ...request.env },
  terminal: true,
});

/**
 * Calls `action` with descriptors for stdin, stdout and stderr, and closes them afterwards. The output descriptors are
 * connected to the unit's log.
 */
export function withWriters<T>(logs: LogStore, id: string, action: (fds: readonly (number | null)[]) => T): T {
  const writers = logs.writers(id);
  try {
    return action([null, writers.stdout, writers.stderr]);
  } finally {
    writers.close();
  }
}

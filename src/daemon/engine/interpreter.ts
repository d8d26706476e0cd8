import type { Unit } from "../../core/unit/record.ts";
import type { Fact, Turn, WorldEffect } from "../../core/world/world.ts";
import type { Spec } from "../../spec/spec.ts";
import { Commands, type CommandsOptions } from "./commands.ts";
import { MainProcesses, type MainProcessOptions } from "./main-process.ts";
import { Probing, type ProbingOptions } from "./probing.ts";
import { Runs } from "./runs.ts";
import { Sweeper, type SweeperOptions } from "./sweeper.ts";

export interface InterpreterOptions extends MainProcessOptions, CommandsOptions, SweeperOptions, ProbingOptions {
  /** Returns the value of SUP_INVOCATION_ID for a run. All daemons of this state directory compute the same value. */
  readonly invocationOf: (id: string, run: number) => string;
}

/** Performs effects, and makes no decisions. The result of every effect goes back into the mailbox with the number of its run. */
export class Interpreter {
  readonly #o: InterpreterOptions;
  readonly #runs: Runs;
  readonly #mains: MainProcesses;
  readonly #commands: Commands;
  readonly #sweeper: Sweeper;
  readonly #probing: Probing;

  constructor(options: InterpreterOptions) {
    this.#o = options;
    this.#runs = new Runs(options.invocationOf);
    this.#mains = new MainProcesses(options, this.#runs);
    this.#commands = new Commands(options, this.#runs);
    this.#sweeper = new Sweeper(options, this.#runs);
    this.#probing = new Probing(options, this.#runs);
  }

  perform(effect: WorldEffect): void {
    try {
      this.#perform(effect);
    } catch (error) {
      this.#o.bug(`cannot perform ${effect.type} of ${effect.id}`, error);
      this.#answerFault(effect, error);
    }
  }

  /** Releases everything that the interpreter holds for a unit. Called after a unit that is down was removed. */
  forget(id: string): void {
    this.#probing.release(id);
    const state = this.#runs.get(id);
    if (state === undefined) return;
    this.#runs.forget(id);
    this.#mains.forget(id);
    this.#o.processes.forget(state.invocation);
  }

  /** Applies changed log settings to a running unit after its file was loaded again. */
  readonly refresh = (id: string): void => this.#mains.refresh(id);

  /** Handles the lines of the log since `from`, a timestamp. An earlier daemon was killed before it could act on them. */
  catchUp(id: string, run: number, from: string): void {
    this.#mains.catchUp(id, run, from).catch((error: unknown) => this.#o.bug(`cannot read the log of ${id}`, error));
  }

  whenProbed(id: string): Promise<void> {
    return this.#probing.whenProbed(id);
  }

  /** Requests a probe and resolves as `whenProbed` does. */
  async probeNow(id: string): Promise<void> {
    const done = this.whenProbed(id);
    this.#o.post({ type: "probeNow", id });
    await done;
  }

  /** Called after each turn, before its effects are performed. */
  followTurn(turn: Turn): void {
    this.#probing.followTurn(turn);
  }

  /** Adopts the main process of a run that an earlier daemon started. `Processes.adopt` documents the results `ended` and `gone`. */
  adopt(id: string, unit: Unit, spec: Spec): "adopted" | "ended" | "gone" {
    return this.#mains.adopt(id, unit, spec);
  }

  /**
   * Opens the sockets of a unit that waits for its next start or sleeps, so that clients can already connect. Returns false if
   * they cannot be opened. The start of the unit reports the cause.
   */
  holdSockets(id: string, unit: Unit, spec: Spec): boolean {
    const launch = spec.sockets.length === 0 ? null : this.#o.launcher.prepare(spec, this.#o.invocationOf(id, unit.run));
    return launch === null || (launch.ok && this.#o.sockets.open(spec, launch.value).ok);
  }

  #perform(effect: WorldEffect): void {
    const { id } = effect;
    switch (effect.type) {
      case "record":
        return; // the recorder writes the event with the turn
      case "note":
        return this.#o.logs.note(id, effect.text);
      case "prepare":
        return this.#commands.prepare(id, effect.run);
      case "spawn":
        return this.#mains.spawn(id, effect.run);
      case "signal":
        return this.#sweeper.signal(id, effect.run, effect.signal, effect.mode);
      case "kill":
        return this.#sweeper.kill(id, effect.run);
      case "sweep":
        this.#probing.release(id);
        return this.#sweeper.sweep(id, effect.run, effect.signal);
      case "testRestart":
        return this.#commands.runHooks(id, effect.run, "pre_restart");
      case "finish":
        return this.#commands.runHooks(id, effect.run, "post_stop");
      case "reload":
        return this.#commands.reload(id, effect.run);
      case "probe":
        return this.#probing.probe(id, effect.run, effect.seq);
    }
  }

  /** Posts a failure as the result of an effect that threw an exception. Without a result, the unit would wait forever. */
  #answerFault({ id, ...effect }: WorldEffect, error: unknown): void {
    const message = `internal error in sup: ${error instanceof Error ? error.message : String(error)}`;
    const answer = (fact: Fact): void => this.#o.post({ type: "fact", id, fact });
    if (effect.type === "spawn") answer({ type: "spawnFailed", run: effect.run, failure: { stage: "prepare", message, resources: true } });
    if (effect.type === "prepare") answer({ type: "prepared", run: effect.run, failure: message });
    if (effect.type === "testRestart") answer({ type: "restartTested", run: effect.run, failure: message });
    if (effect.type === "finish") answer({ type: "finished", run: effect.run, failure: message });
    if (effect.type === "sweep") answer({ type: "swept", run: effect.run, killed: [] });
    if (effect.type === "reload") answer({ type: "reloaded", run: effect.run, failure: message });
  }
}

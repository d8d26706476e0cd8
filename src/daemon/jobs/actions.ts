import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { signalName, signalNumber, SIGNALS } from "../../base/signals.ts";
import { progress, type Goal } from "../../core/world/goals.ts";
import { isDown, stateOf } from "../../core/unit/phase.ts";
import type { Turn, World } from "../../core/world/world.ts";
import { formatDuration } from "../../base/duration.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Processes } from "../../ports/processes.ts";
import type { Enablements } from "../../ports/store/settings.ts";
import type { Engine } from "../engine/engine.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface ActionsOptions {
  readonly world: World;
  readonly engine: Engine;
  readonly processes: Processes;
  readonly store: Enablements;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** The unit looks different now, though its machine did not move: tell those who watch. */
  readonly announce: (id: string) => void;
}

interface Request {
  readonly action: shape.Action;
  readonly wait: boolean;
  readonly now: boolean;
  readonly cascade: boolean;
  readonly dry_run: boolean;
  readonly signal: string | undefined;
}
type Outcome = shape.JobOutcome;

/** What the operator may do to units. Ids are known to exist here. */
export class Actions {
  readonly #options: ActionsOptions;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  async run(request: Request, ids: readonly string[]): Promise<Result<shape.JobResult, ApiError>> {
    if (request.dry_run) return ok(this.#plan(request, ids));
    switch (request.action) {
      case "start":
      case "stop":
      case "restart":
        return ok(await this.#move(request, request.action, ids));
      case "reload":
        return ok(await this.#reload(request, ids));
      case "reset-failed":
        this.#options.engine.handle({ type: "request", action: "reset", ids, cause: "operator" });
        return ok({ outcomes: ids.map((id) => this.#outcome(id, "done", "the failure count was reset")), warnings: [] });
      case "enable":
      case "disable":
        return ok(await this.#enable(request, ids));
      case "kill":
        return this.#kill(request.signal, ids);
    }
  }

  async #move(request: Request, action: "start" | "stop" | "restart", ids: readonly string[]): Promise<shape.JobResult> {
    const { world, engine } = this.#options;
    const warnings = action === "stop" && !request.cascade ? this.#leftRunning(ids) : [];
    const targets = action === "stop" && request.cascade ? [...ids, ...world.liveDependents(ids)] : ids;
    const idle = new Set(targets.filter((id) => this.#nothingToDo(action, id)));
    const goals = new Map<string, Goal>();
    for (const id of targets) if (!idle.has(id)) goals.set(id, { action, run: world.get(id)!.unit.run });
    const job = new Job(this.#options, goals);
    engine.handle({ type: "request", action, ids, cause: "operator", cascade: request.cascade });
    const results = request.wait ? await job.done() : job.now();
    const outcomes = targets.map((id) => {
      if (idle.has(id)) return this.#outcome(id, "unchanged", action === "stop" ? "already stopped" : "already running");
      return results.get(id) ?? this.#outcome(id, "pending", `${action} is under way`);
    });
    return { outcomes, warnings };
  }

  #nothingToDo(action: "start" | "stop" | "restart", id: string): boolean {
    const { unit } = this.#options.world.get(id)!;
    if (action === "restart") return false;
    if (action === "stop") return isDown(unit.phase);
    return unit.want === "up" && (unit.phase === "running" || unit.phase === "reloading" || unit.phase === "exited");
  }

  #leftRunning(ids: readonly string[]): string[] {
    const users = this.#options.world.liveDependents(ids);
    if (users.length === 0) return [];
    const one = users.length === 1;
    return [
      `${users.join(", ")} ${one ? "needs" : "need"} ${ids.join(", ")} and ${one ? "goes" : "go"} on running; --cascade stops ${one ? "it" : "them"} first`,
    ];
  }

  async #reload(request: Request, ids: readonly string[]): Promise<shape.JobResult> {
    const { world, engine } = this.#options;
    const able = ids.filter((id) => world.get(id)!.spec.reload !== null);
    const goals = new Map<string, Goal>(able.map((id) => [id, { action: "reload", run: world.get(id)!.unit.run }]));
    const job = new Job(this.#options, goals);
    const refusals = new Map(
      engine.ask({ type: "request", action: "reload", ids: able, cause: "operator" }).map(({ id, why }) => [id, why]),
    );
    const results = request.wait ? await job.done() : job.now();
    const outcomes = ids.map((id) => {
      if (!goals.has(id)) return this.#outcome(id, "failed", "it cannot reload: its unit file has no `reload`; use restart", "failed");
      const why = refusals.get(id);
      if (why !== undefined) return this.#outcome(id, "failed", `cannot reload: ${why}`, "failed");
      return results.get(id) ?? this.#outcome(id, "pending", "reload is under way");
    });
    return { outcomes, warnings: [] };
  }

  async #enable(request: Request, ids: readonly string[]): Promise<shape.JobResult> {
    const { store, recorder, announce } = this.#options;
    const enabled = request.action === "enable";
    const transient = ids.filter((id) => this.#options.world.get(id)!.spec.file === "");
    if (transient.length > 0) {
      const refuse = (id: string): Outcome => this.#outcome(id, "failed", "it is transient: without a file it cannot be enabled", "failed");
      return { outcomes: transient.map(refuse), warnings: [] };
    }
    for (const id of ids) {
      store.setEnabled(id, enabled);
      recorder.tell(enabled ? "enabled" : "disabled", `${enabled ? "enabled" : "disabled"} by the operator`, id);
      announce(id);
    }
    if (request.now) {
      const moved = await this.#move(request, enabled ? "start" : "stop", ids);
      return { ...moved, outcomes: moved.outcomes.map((outcome) => ({ ...outcome, message: `${request.action}d; ${outcome.message}` })) };
    }
    return { outcomes: ids.map((id) => this.#outcome(id, "done", `${request.action}d`)), warnings: [] };
  }

  /** To the main process alone: what it left behind is the stop's business. */
  #kill(signal: string | undefined, ids: readonly string[]): Result<shape.JobResult, ApiError> {
    const number = signal === undefined ? SIGNALS.SIGTERM : signalNumber(signal);
    if (number === undefined)
      return err({
        code: "bad-request",
        message: `"${signal}" is no signal`,
        hint: "use a name such as SIGHUP, HUP or a number from 1 to 64",
      });
    const outcomes = ids.map((id) => {
      const { unit } = this.#options.world.get(id)!;
      if (unit.process === null) return this.#outcome(id, "failed", `cannot send ${signalName(number)}: it is ${stateOf(unit)}`, "failed");
      if (!this.#options.processes.signal(unit.process, number)) return this.#outcome(id, "failed", "its main process is gone", "failed");
      this.#options.recorder.tell("signalled", `${signalName(number)} sent to pid ${unit.process.pid} by the operator`, id, {
        signal: number,
      });
      return this.#outcome(id, "done", `${signalName(number)} sent to pid ${unit.process.pid}`);
    });
    return ok({ outcomes, warnings: [] });
  }

  #plan(request: Request, ids: readonly string[]): shape.JobResult {
    const { world } = this.#options;
    const { action } = request;
    if (action === "start") {
      const outcomes = [...world.needs(ids)].reverse().map((id) => {
        const asked = ids.includes(id);
        if (this.#nothingToDo("start", id)) return this.#outcome(id, "unchanged", "already running");
        return this.#outcome(id, "planned", asked ? "would be started" : "would be started, because it is needed");
      });
      return { outcomes, warnings: [] };
    }
    if (action === "stop") {
      const users = request.cascade ? world.liveDependents(ids) : [];
      const outcomes = [...users.reverse(), ...ids].map((id) =>
        this.#nothingToDo("stop", id)
          ? this.#outcome(id, "unchanged", "already stopped")
          : this.#outcome(id, "planned", users.includes(id) ? "would be stopped first" : "would be stopped"),
      );
      return { outcomes, warnings: request.cascade ? [] : this.#leftRunning(ids) };
    }
    return { outcomes: ids.map((id) => this.#outcome(id, "planned", `would get ${action}`)), warnings: [] };
  }

  #outcome(id: string, result: Outcome["result"], message: string, code?: string): Outcome {
    const entry = this.#options.world.get(id);
    return { id, result, message, state: entry === undefined ? "stopped" : stateOf(entry.unit), ...(code === undefined ? {} : { code }) };
  }
}

/** Follows units until each has reached its goal or missed it. */
class Job {
  readonly #world: World;
  readonly #pending: Map<string, Goal>;
  readonly #results = new Map<string, Outcome>();
  readonly #finished = Promise.withResolvers<ReadonlyMap<string, Outcome>>();
  readonly #stop: () => void;
  readonly #clock: Clock;
  readonly #beganMs: number;

  constructor({ world, engine, clock }: ActionsOptions, goals: ReadonlyMap<string, Goal>) {
    this.#world = world;
    this.#clock = clock;
    this.#beganMs = clock.monotonicMs();
    this.#pending = new Map(goals);
    this.#stop = engine.watch((turn) => this.#look(turn));
    this.#settle();
  }

  done(): Promise<ReadonlyMap<string, Outcome>> {
    return this.#finished.promise;
  }

  /** What is known already; the rest is not followed any more. */
  now(): ReadonlyMap<string, Outcome> {
    this.#stop();
    return this.#results;
  }

  #look(turn: Turn): void {
    if (turn.changed.size === 0 && turn.removed.size === 0 && turn.refusals.length === 0) return;
    for (const [id, goal] of this.#pending) {
      const entry = this.#world.get(id);
      if (entry === undefined) {
        this.#pending.delete(id);
        this.#results.set(id, { id, result: goal.action === "stop" ? "done" : "failed", state: "stopped", message: "it was removed" });
        continue;
      }
      const waiting = entry.unit.phase === "waiting";
      if (!waiting && !turn.changed.has(id) && !turn.refusals.some((refusal) => refusal.id === id)) continue;
      const obstacles = waiting ? this.#world.waitingFor(id).map((needed) => ({ id: needed, unit: this.#world.get(needed)?.unit })) : [];
      const answer = progress(goal, entry.spec, entry.unit, obstacles);
      if (answer.kind === "pending") continue;
      this.#pending.delete(id);
      const failed = answer.kind === "failed";
      this.#results.set(id, {
        id,
        result: answer.kind,
        state: stateOf(entry.unit),
        message: failed ? answer.message : `${answer.message} in ${formatDuration(this.#clock.monotonicMs() - this.#beganMs)}`,
        ...(failed ? { code: "failed" } : {}),
      });
    }
    this.#settle();
  }

  #settle(): void {
    if (this.#pending.size > 0) return;
    this.#stop?.();
    this.#finished.resolve(this.#results);
  }
}

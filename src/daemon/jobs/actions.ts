import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { signalName, signalNumber, SIGNALS } from "../../base/signals.ts";
import { isReached } from "../../core/jobs/goals.ts";
import type { GoalAction, Job } from "../../core/jobs/job.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { JobRequest } from "../../core/world/types.ts";
import type { World } from "../../core/world/world.ts";
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
  /** Notifies subscribers that the published data of a unit changed although its phase did not. */
  readonly announce: (id: string) => void;
}

interface Request {
  readonly action: shape.Action;
  readonly wait: boolean;
  readonly now: boolean;
  readonly cascade: boolean;
  readonly dry_run: boolean;
  readonly signal: string | undefined;
  readonly agent: string | undefined;
}
type Outcome = shape.JobOutcome;

/** Carries out the actions of an operator on units. Callers pass only ids of existing units. */
export class Actions {
  readonly #options: ActionsOptions;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  async run(request: Request, ids: readonly string[]): Promise<Result<shape.JobResult, ApiError>> {
    if (request.dry_run) return ok(this.#plan(request, ids));
    if (request.agent !== undefined) this.#recordAgent(request.action, request.agent, ids);
    switch (request.action) {
      case "start":
      case "stop":
      case "restart":
      case "reload":
        return ok(await this.#move(request, request.action, ids));
      case "reset-failed":
        this.#options.engine.handle({ type: "request", action: "reset", ids, cause: "operator" });
        return ok({ outcomes: ids.map((id) => this.#outcome(id, "done", "the retry counter was reset")), warnings: [] });
      case "enable":
      case "disable":
        return ok(await this.#enable(request, ids));
      case "kill":
        return this.#kill(request.signal, ids);
    }
  }

  /**
   * Records an agent's action before it is carried out, so that the history contains the event even if the daemon dies during
   * the action.
   */
  #recordAgent(action: shape.Action, agent: string, ids: readonly string[]): void {
    for (const id of ids) this.#options.recorder.tell("agent-action", `${action} requested by agent ${agent}`, id, { action, agent });
  }

  /**
   * Starts a job and waits until it ends. The world stores the job, so after a restart of the daemon a client can continue to
   * wait for it.
   */
  async #move(request: Request, action: GoalAction, ids: readonly string[]): Promise<shape.JobResult> {
    const warnings = action === "stop" && !request.cascade ? this.#leftRunning(ids) : [];
    const job = this.newJob(warnings);
    this.#options.engine.handle({ type: "request", action, ids, cause: "operator", cascade: request.cascade, job });
    return this.follow(job.id, request.wait);
  }

  newJob(warnings: readonly string[] = []): JobRequest {
    return { id: newJobId(this.#options.clock.roll()), warnings };
  }

  /** Returns the outcome of a job that was just created. With `wait`, returns it after the end of the job. */
  async follow(id: string, wait: boolean): Promise<shape.JobResult> {
    const { world } = this.#options;
    return jobShape(wait ? await this.#ended(id) : world.job(id)!, world);
  }

  /** Returns the outcome of a job that this or an earlier daemon created, or undefined if there is no such job or it was deleted. */
  async job(id: string, wait: boolean): Promise<shape.JobResult | undefined> {
    const { world } = this.#options;
    const job = world.job(id);
    if (job === undefined) return undefined;
    return jobShape(wait ? await this.#ended(id) : job, world);
  }

  async #ended(id: string): Promise<Job> {
    const { world, engine } = this.#options;
    const { promise, resolve } = Promise.withResolvers<Job>();
    const look = (): void => {
      const job = world.job(id);
      if (job !== undefined && job.endedMs !== null) resolve(job);
    };
    const unwatch = engine.watch((turn) => turn.jobs.has(id) && look());
    look();
    try {
      return await promise;
    } finally {
      unwatch();
    }
  }

  #leftRunning(ids: readonly string[]): string[] {
    const users = this.#options.world.liveDependents(ids);
    if (users.length === 0) return [];
    const one = users.length === 1;
    return [
      `${users.join(", ")} ${one ? "needs" : "need"} ${ids.join(", ")} and ${one ? "goes" : "go"} on running; --cascade stops ${one ? "it" : "them"} first`,
    ];
  }

  async #enable(request: Request, ids: readonly string[]): Promise<shape.JobResult> {
    const { store, recorder, announce } = this.#options;
    const enabled = request.action === "enable";
    const transient = ids.filter((id) => this.#options.world.get(id)!.spec.file === "");
    if (transient.length > 0) {
      const refuse = (id: string): Outcome => this.#outcome(id, "failed", "it is transient: without a file it cannot be enabled", "failed");
      return { outcomes: transient.map(refuse), warnings: [] };
    }
    const single = ids.filter((id) => !this.#isWithService(id, ids));
    if (single.length > 0) {
      const refuse = (id: string): Outcome =>
        this.#outcome(id, "failed", `it is ${request.action}d together with its service: name ${this.#serviceOf(id)} instead`, "conflict");
      return { outcomes: single.map(refuse), warnings: [] };
    }
    for (const name of new Set(ids.map((id) => this.#serviceOf(id)))) {
      store.setEnabled(name, enabled);
      recorder.tell(enabled ? "enabled" : "disabled", `${enabled ? "enabled" : "disabled"} by the operator`, name);
    }
    for (const id of ids) announce(id);
    if (request.now) {
      const moved = await this.#move(request, enabled ? "start" : "stop", ids);
      return { ...moved, outcomes: moved.outcomes.map((outcome) => ({ ...outcome, message: `${request.action}d; ${outcome.message}` })) };
    }
    return { outcomes: ids.map((id) => this.#outcome(id, "done", `${request.action}d`)), warnings: [] };
  }

  #serviceOf(id: string): string {
    return this.#options.world.get(id)!.spec.service;
  }

  /**
   * Returns true if `ids` contains all units of the unit's service, except those that are being removed. The result is always
   * true for a plain unit.
   */
  #isWithService(id: string, ids: readonly string[]): boolean {
    const { world } = this.#options;
    const service = this.#serviceOf(id);
    return service === id || world.unitsOf(service).every((unit) => ids.includes(unit) || world.get(unit)!.retired);
  }

  /** Sends a signal to the main process only. Other processes of the run end when the unit stops. */
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
        if (isReached("start", world.get(id)!.unit)) return this.#outcome(id, "unchanged", "already running");
        return this.#outcome(id, "planned", asked ? "would be started" : "would be started, because it is needed");
      });
      return { outcomes, warnings: [] };
    }
    if (action === "stop") {
      const outcomes = (request.cascade ? world.cascade(ids) : ids).map((id) =>
        isReached("stop", world.get(id)!.unit)
          ? this.#outcome(id, "unchanged", "already stopped")
          : this.#outcome(id, "planned", ids.includes(id) ? "would be stopped" : "would be stopped first"),
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

/** Makes an id from 48 random bits, which is unique among the stored jobs. */
const newJobId = (roll: number): string =>
  Math.floor(roll * 2 ** 48)
    .toString(16)
    .padStart(12, "0");

function jobShape({ id: job, action, warnings, units }: Job, world: World): shape.JobResult {
  const outcomes = units.map(({ id, outcome }): Outcome => {
    if (outcome === null) {
      const entry = world.get(id);
      return { id, result: "pending", message: `${action} is under way`, state: entry === undefined ? "stopped" : stateOf(entry.unit) };
    }
    return { id, ...outcome, ...(outcome.result === "failed" ? { code: "failed" } : {}) };
  });
  return { job, outcomes, warnings: [...warnings] };
}

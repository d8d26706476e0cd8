import {
  amount,
  freshLimits,
  limitWords,
  LIMITS,
  maxOf,
  sampleLimits,
  type Limit,
  type LimitNews,
  type LimitState,
  type Sampled,
} from "../../core/metrics/limits.ts";
import { isProbed } from "../../core/unit/phase.ts";
import type { Entry, Turn, World } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { Processes, TreeOf } from "../../ports/processes.ts";
import type { Usage } from "../../ports/usage.ts";
import type { LimitSpec } from "../../spec/spec.ts";
import type { Engine } from "../engine/engine.ts";
import { boundsOf } from "../engine/launcher.ts";
import type { Recorder } from "../engine/recorder.ts";

/** Why the kernel does not hold a unit to a limit; null: it does. Of one that does not run: why it could not. */
export type Unheld = (limit: Limit) => string | null;

export interface Holding {
  readonly processes: Pick<Processes, "bind" | "unheld">;
  readonly invocationOf: (id: string, run: number) => string;
}

export interface LimiterOptions extends Holding {
  readonly world: World;
  readonly engine: Pick<Engine, "post" | "watch">;
  readonly recorder: Pick<Recorder, "tell">;
  readonly logs: Pick<LogStore, "note" | "open">;
  readonly usage: Usage;
  readonly bug: (message: string, error?: unknown) => void;
}

/** A unit with `action: enforce` is looked at this often where no cgroup holds its memory. */
const ENFORCE_EVERY_MS = 1000;

/**
 * Holds units to their limits: every sample of a running unit is counted, and what comes of it is told once. With `enforce` the
 * kernel holds a run to them from its first process on, where it can; here only what it does not hold is acted upon.
 */
export class Limiter {
  readonly #o: LimiterOptions;
  readonly #states = new Map<string, LimitState>();
  #timer: Timer | null = null;

  constructor(options: LimiterOptions) {
    this.#o = options;
    options.engine.watch((turn) => this.#look(turn));
  }

  stateOf(id: string): LimitState | undefined {
    return this.#states.get(id);
  }

  /** When what an earlier daemon left is taken over: its runs are bound anew. */
  start(): void {
    for (const [id, entry] of this.#o.world.entries()) this.#bind(id, entry);
    this.#setTimer();
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** On the shared tick, with the samples that were just taken. */
  take(samples: ReadonlyMap<string, Sampled>): void {
    for (const [id, sample] of samples) {
      const entry = this.#o.world.get(id);
      // What is enforced second by second has its memory counted there.
      if (entry?.spec.limits) this.#count(id, entry.spec.limits, sample, this.#isSampledOften(id, entry) ? ["cpu", "tasks"] : LIMITS);
    }
  }

  #count(id: string, spec: LimitSpec, sample: Sampled, only: readonly Limit[]): void {
    const { unit } = this.#o.world.get(id)!;
    if (!isProbed(unit)) return;
    const known = this.#states.get(id);
    const { state, news } = sampleLimits(known?.run === unit.run ? known : freshLimits(unit.run), spec, sample, only);
    this.#states.set(id, state);
    for (const one of news) this.#tell(id, unit.run, spec, one);
  }

  #tell(id: string, run: number, spec: LimitSpec, news: LimitNews): void {
    const { recorder, logs, engine } = this.#o;
    const { limit, level, value, max } = news;
    const unheld = unheldOf(this.#o, id, this.#o.world.get(id)!.unit);
    const enforces = spec.action === "enforce" && limit === "memory" && unheld(limit) !== null;
    const restarts = level === "over" && (spec.action === "restart" || enforces);
    const words = `${limitWords(news)}${restarts ? "; it is restarted" : ""}`;
    const type = level === "over" ? "limit-exceeded" : level === "near" && news.was === "ok" ? "limit-near" : "limit-recovered";
    recorder.tell(type, words, id, { run, limit, value, max, action: spec.action, enforcement: enforcementWords(spec, unheld).join("; ") });
    logs.note(id, words);
    if (restarts) engine.post({ type: "fact", id, fact: { type: "condemned", run, by: "resources", detail: limitWords(news) } });
  }

  #look(turn: Turn): void {
    if (turn.changed.size + turn.removed.size === 0) return;
    for (const id of turn.removed) this.#states.delete(id);
    for (const id of turn.changed) {
      const entry = this.#o.world.get(id);
      if (entry !== undefined) this.#bind(id, entry);
    }
    this.#setTimer();
  }

  /** After a reload the limits may be others; the same ones cost nothing. */
  #bind(id: string, { spec, unit }: Entry): void {
    if (unit.process !== null) this.#o.processes.bind(this.#o.invocationOf(id, unit.run), boundsOf(spec.limits));
  }

  #isSampledOften(id: string, { spec, unit }: Entry): boolean {
    return spec.limits?.action === "enforce" && spec.limits.maxMemoryMb !== null && unheldOf(this.#o, id, unit)("memory") !== null;
  }

  #setTimer(): void {
    const needed = [...this.#o.world.entries()].some(([id, entry]) => entry.unit.process !== null && this.#isSampledOften(id, entry));
    if (needed) this.#timer ??= setInterval(() => void this.#sampleOften(), ENFORCE_EVERY_MS);
    else this.close();
  }

  async #sampleOften(): Promise<void> {
    const { world, usage, invocationOf, bug } = this.#o;
    const trees = new Map<string, TreeOf>();
    for (const [id, entry] of world.entries()) {
      const { unit } = entry;
      if (isProbed(unit) && this.#isSampledOften(id, entry)) trees.set(id, { invocation: invocationOf(id, unit.run), main: unit.process! });
    }
    try {
      for (const [id, memoryMb] of await usage.memory(trees)) {
        const spec = world.get(id)?.spec.limits;
        if (spec) this.#count(id, { ...spec, sustained: 1 }, { memoryMb, cpuPercent: null, tasks: 0 }, ["memory"]);
      }
    } catch (error) {
      bug("cannot sample the memory of units", error);
    }
  }
}

export function unheldOf({ processes, invocationOf }: Holding, id: string, { process, run }: Entry["unit"]): Unheld {
  return (limit) => processes.unheld(process === null ? null : invocationOf(id, run), limit);
}

/** What is done about each limit of a unit, in words. */
export function enforcementWords(spec: LimitSpec, unheld: Unheld): string[] {
  return LIMITS.flatMap((limit) => {
    const max = maxOf(spec, limit);
    if (max === null) return [];
    const often = `${spec.sustained} ${spec.sustained === 1 ? "sample" : "samples in a row"} over it`;
    const what = { memory: "Memory", cpu: "CPU", tasks: "Tasks" }[limit];
    return [`${what}, at most ${amount(limit, max)}: ${deed(spec, limit, often, unheld)}`];
  });
}

const BY_KERNEL: Readonly<Record<Limit, string>> = {
  memory: "the kernel kills the run that needs more (action enforce, memory.max of its cgroup)",
  cpu: "the kernel gives it no more (action enforce, cpu.max of its cgroup)",
  tasks: "the kernel refuses it any more (action enforce, pids.max of its cgroup)",
};

function deed({ action }: LimitSpec, limit: Limit, often: string, unheld: Unheld): string {
  if (action === "warn") return `${often} are told (action warn)`;
  if (action === "restart") return `${often} restart it (action restart)`;
  const why = unheld(limit);
  if (why === null) return BY_KERNEL[limit];
  return limit === "memory"
    ? `looked at every second and restarted when over it (action enforce; the kernel does not hold it: ${why})`
    : `${often} are told (action enforce, but the kernel does not hold it: ${why})`;
}

import type { Exit } from "../../../src/base/exit.ts";
import { parseSdNotify } from "../../../src/core/unit/sd-notify.ts";
import type { Effect, HistoryType } from "../../../src/core/unit/effects.ts";
import type { UnitEvent } from "../../../src/core/unit/events.ts";
import type { Phase } from "../../../src/core/unit/phase.ts";
import { freshUnit, type Cause, type Unit } from "../../../src/core/unit/record.ts";
import { step, type StepResult } from "../../../src/core/unit/step.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import { code, ref } from "../fixtures.ts";

/** One unit under test. Methods send events, `pass` moves the clock, and `effects` holds the effects of the last event. */
export class Machine {
  unit: Unit;
  nowMs = 0;
  effects: readonly Effect[] = [];
  result: StepResult | null = null;
  readonly spec: Spec;

  constructor(spec: Spec) {
    this.spec = spec;
    this.unit = freshUnit(spec.id);
  }

  get phase(): Phase {
    return this.unit.phase;
  }

  /** Effects of the last event, without history: `spawn`, `signal 15 group`, `kill`, `sweep 9`. */
  get actions(): string[] {
    return this.effects.flatMap((effect) => {
      if (effect.type === "record") return [];
      if (effect.type === "signal") return [`signal ${effect.signal} ${effect.mode}`];
      return [effect.type === "sweep" ? `sweep ${effect.signal}` : effect.type];
    });
  }

  /** Types of the history entries of the last event. */
  get recorded(): HistoryType[] {
    return this.effects.flatMap((effect) => (effect.type === "record" ? [effect.event.type] : []));
  }

  /** The `cause` in the `started` entry of the last event. */
  get startedBy(): unknown {
    return this.effects.flatMap((effect) =>
      effect.type === "record" && effect.event.type === "started" ? [effect.event.details.cause] : [],
    )[0];
  }

  /** Milliseconds until the deadline. */
  get dueInMs(): number | null {
    return this.unit.due === null ? null : this.unit.due.atMs - this.nowMs;
  }

  send(event: UnitEvent): this {
    const result = step({ unit: this.unit, spec: this.spec, env: { nowMs: this.nowMs, roll: 0.5 } }, event);
    this.result = result;
    this.effects = result.kind === "moved" ? result.effects : [];
    if (result.kind === "moved") this.unit = result.unit;
    return this;
  }

  pass(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  start = (cause: Cause = "operator"): this => this.send({ type: "start", cause });
  stop = (cause: Cause = "operator"): this => this.send({ type: "stop", cause });
  restart = (cause: Cause = "operator"): this => this.send({ type: "restart", cause });
  reset = (): this => this.send({ type: "reset" });
  reload = (): this => this.send({ type: "reload" });
  clear = (): this => this.send({ type: "clear" });
  release = (): this => this.send({ type: "release" });
  prepared = (failure: string | null = null): this => this.send({ type: "prepared", run: this.unit.run, failure });
  unmet = (unmet: string): this => this.send({ type: "prepared", run: this.unit.run, failure: null, unmet });
  spawned = (): this => this.send({ type: "spawned", run: this.unit.run, process: ref(1000 + this.unit.run) });
  spawnFailed = (message = "cannot execute serve", resources = false): this =>
    this.send({ type: "spawnFailed", run: this.unit.run, failure: { stage: "exec", message, resources } });
  ready = (): this => this.send({ type: "ready", run: this.unit.run });
  notified = (text: string): this => this.send({ type: "notified", run: this.unit.run, notice: parseSdNotify(text) });
  mainChanged = (pid: number): this => this.send({ type: "mainChanged", run: this.unit.run, process: ref(pid) });
  exits = (exit: Exit | number): this =>
    this.send({ type: "exited", run: this.unit.run, exit: typeof exit === "number" ? code(exit) : exit });
  condemned = (by: "health" | "watchdog" | "resources" | "log" = "health"): this =>
    this.send({ type: "condemned", run: this.unit.run, by, detail: "it does not answer" });
  reloaded = (failure: string | null = null): this => this.send({ type: "reloaded", run: this.unit.run, failure });
  signalSent = (): this => this.send({ type: "signalSent", run: this.unit.run });
  tested = (failure: string | null = null): this => this.send({ type: "restartTested", run: this.unit.run, failure });
  swept = (killed: readonly string[] = []): this => this.send({ type: "swept", run: this.unit.run, killed });
  /** The same, after the main process had left other processes behind. */
  sweptLeft = (): this => this.send({ type: "swept", run: this.unit.run, killed: [], left: true });
  finished = (failure: string | null = null): this => this.send({ type: "finished", run: this.unit.run, failure });

  /** Jumps to the deadline and lets it fire. */
  due(): this {
    if (this.unit.due === null) throw new Error(`nothing is due while ${this.phase}`);
    this.nowMs = Math.max(this.nowMs, this.unit.due.atMs);
    return this.send({ type: "due", run: this.unit.run, why: this.unit.due.why });
  }

  /** Takes a unit from `idle` to `running`. */
  up(): this {
    this.start().clear();
    if (this.phase === "preparing") this.prepared();
    this.spawned();
    if (this.phase === "starting") this.ready();
    return this;
  }

  /** The main process exits and leaves no other processes. */
  ends(exit: Exit | number): this {
    this.exits(exit).swept();
    return this.phase === "finishing" ? this.finished().swept() : this;
  }

  /** A complete stop: requested, released, exited, swept. */
  down(): this {
    this.stop();
    if (this.phase === "running" || this.phase === "starting") this.release();
    return this.ends(0);
  }
}

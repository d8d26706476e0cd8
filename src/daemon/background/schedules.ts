import { formatDuration } from "../../base/duration.ts";
import { beginTimer, firing, passed, stepped, type Timer as Plan } from "../../core/world/schedule.ts";
import { isDown } from "../../core/unit/phase.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { KeyValueStore } from "../../ports/store/settings.ts";
import type { ScheduleSpec } from "../../spec/spec.ts";
import type { Engine } from "../engine/engine.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface SchedulesOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: KeyValueStore;
  readonly engine: Pick<Engine, "handle" | "post" | "watch">;
  readonly recorder: Pick<Recorder, "tell">;
  /** Returns false if the operator or the unit file has disabled the schedule. */
  readonly isActive: (id: string) => boolean;
}

interface Armed {
  readonly schedule: ScheduleSpec;
  readonly plan: Plan;
}

/** Upper bound for the duration of one timer, well below the maximum of the runtime. An additional wake-up costs nothing. */
const MAX_SLEEP_MS = 3_600_000;
/**
 * If the difference between wall clock and monotonic clock changes by more than this, the wall clock was set. Smaller changes are
 * slewing or rounding.
 */
const STEP_MS = 500;

/** Starts scheduled units at their times. There is one timer for all units, and the store keeps the plan of each unit. */
export class Schedules {
  readonly #o: SchedulesOptions;
  readonly #armed = new Map<string, Armed>();
  #timer: Timer | null = null;
  #unwatch: (() => void) | null = null;
  #offsetMs: number;

  constructor(options: SchedulesOptions) {
    this.#o = options;
    this.#offsetMs = this.#offset();
  }

  /** Must be called once all units are loaded and the units of an earlier daemon are adopted. */
  start(): void {
    this.#unwatch = this.#o.engine.watch((turn) => this.#onTurn(turn));
    for (const id of this.#o.world.ids()) this.check(id);
    this.#arm();
  }

  close(): void {
    this.#unwatch?.();
    if (this.#timer) clearTimeout(this.#timer);
    this.#armed.clear();
  }

  /** Returns the plan of a unit, or undefined if it has none. */
  planOf(id: string): Plan | undefined {
    return this.#armed.get(id)?.plan;
  }

  /** Must be called when a unit was added or removed, or when its schedule was changed, enabled or disabled. */
  check(id: string): void {
    const schedule = this.#o.world.get(id)?.spec.schedule ?? null;
    const known = this.#armed.get(id);
    if (schedule === null || !this.#o.isActive(id)) {
      if (this.#armed.delete(id)) this.#arm();
      return;
    }
    if (known?.schedule === schedule) return;
    const { timer, missedMs } = beginTimer(schedule, known?.plan ?? this.#recall(id), this.#o.clock.wallMs());
    this.#put(id, schedule, timer);
    if (missedMs !== null) this.#due(id, schedule, timer, missedMs);
    this.#arm();
  }

  /** Adapts the plans if the wall clock was set. Called on each shared tick. */
  checkClock(): void {
    const offset = this.#offset();
    const byMs = offset - this.#offsetMs;
    this.#offsetMs = offset;
    if (Math.abs(byMs) < STEP_MS) return;
    const now = this.#o.clock.wallMs();
    for (const [id, { schedule, plan }] of this.#armed) this.#put(id, schedule, stepped(schedule, plan, byMs, now));
    this.#arm();
  }

  #offset(): number {
    return this.#o.clock.wallMs() - this.#o.clock.monotonicMs();
  }

  #onTurn(turn: Turn): void {
    for (const id of turn.changed) {
      this.check(id);
      const armed = this.#armed.get(id);
      if (!armed?.plan.queued || !isDown(this.#o.world.get(id)!.unit.phase)) continue;
      this.#put(id, armed.schedule, { ...armed.plan, queued: false });
      this.#o.engine.post({ type: "request", action: "start", ids: [id], cause: "schedule" });
    }
    for (const id of turn.removed) this.#armed.delete(id);
  }

  #wake(): void {
    this.checkClock();
    const now = this.#o.clock.wallMs();
    for (const [id, { schedule, plan }] of this.#armed) {
      if (plan.nextMs === null || plan.nextMs > now) continue;
      const next = passed(schedule, plan, now);
      this.#put(id, schedule, next);
      this.#due(id, schedule, next, plan.nextMs);
    }
    this.#arm();
  }

  #due(id: string, schedule: ScheduleSpec, plan: Plan, dueMs: number): void {
    const { world, clock, engine, recorder } = this.#o;
    const lateMs = clock.wallMs() - dueMs;
    const what = firing(schedule, world.get(id)!.unit.phase, lateMs);
    const details = { planned: new Date(dueMs).toISOString() };
    const report = (type: string, message: string): void => recorder.tell(type, message, id, details);
    if (what === "missed") {
      return report(
        "schedule-missed",
        `missed the run of ${details.planned}: the daemon was not running at that time, ${formatDuration(lateMs)} ago`,
      );
    }
    this.#put(id, schedule, { ...plan, lastMs: dueMs, queued: what === "queue" });
    if (what === "skip") return report("schedule-skipped", "the previous run is still active; this one is skipped");
    if (what === "queue" && plan.queued) return; // at most one run is queued, and it was reported already
    if (what === "queue") return report("schedule-queued", "the previous run is still active; this one starts right after it");
    if (what === "restart") report("schedule-overlap", "the previous run is still active; stopping it first");
    engine.post({ type: "request", action: what === "restart" ? "restart" : "start", ids: [id], cause: "schedule" });
  }

  #put(id: string, schedule: ScheduleSpec, plan: Plan): void {
    const known = this.#armed.get(id);
    this.#armed.set(id, { schedule, plan });
    if (known?.plan !== plan) this.#o.store.set(keyOf(id), JSON.stringify(plan));
  }

  #recall(id: string): Plan | null {
    const text = this.#o.store.get(keyOf(id));
    if (text === null) return null;
    try {
      return JSON.parse(text) as Plan;
    } catch {
      return null; // the stored plan is damaged, so the schedule counts as new
    }
  }

  #arm(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    let earliest: number | null = null;
    for (const { plan } of this.#armed.values())
      if (plan.nextMs !== null && (earliest === null || plan.nextMs < earliest)) earliest = plan.nextMs;
    if (earliest === null) return;
    const waitMs = Math.min(Math.max(0, earliest - this.#o.clock.wallMs()), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.#wake(), Math.ceil(waitMs));
  }
}

const keyOf = (id: string): string => `schedule:${id}`;

import type * as shape from "../../api/contract/shapes.ts";
import { DAY_MS } from "../../base/duration.ts";
import { HEALTHS, STATES } from "../../base/words.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { Entry, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { ProcessUsage, Usage } from "../../ports/usage.ts";
import type { TreeOf } from "../../ports/processes.ts";
import type { AlertStore } from "../../ports/store/alerts.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { Forecaster } from "../background/forecaster.ts";
import { enforcementWords } from "../../core/metrics/enforcement.ts";
import { type Enforcement, unenforcedOf } from "../background/limiter.ts";
import type { Sampler } from "../background/sampler.ts";
import { eventShape } from "../engine/recorder.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import type { Display } from "../../spec/load/display.ts";
import type { Spec } from "../../spec/spec.ts";
import { describeService, healthOf, isDownByFailure, round, type Surroundings } from "./describe.ts";

export interface StatusOptions extends Enforcement {
  readonly world: World;
  readonly clock: Clock;
  readonly store: EventHistory & Pick<AlertStore, "alerts">;
  readonly logs: Pick<LogStore, "condition" | "read">;
  readonly usage: Pick<Usage, "proportional">;
  readonly processUsage: ProcessUsage;
  readonly sampler: Pick<Sampler, "latest">;
  readonly forecaster: Pick<Forecaster, "predictionsOf">;
  readonly catalog: Pick<UnitCatalog, "masked" | "broken">;
  readonly around: Surroundings;
  readonly daemon: () => shape.DaemonInfo;
}

const MAX_EVENTS = 10_000;

/** Answers queries for the present state of all units, the details of one unit, and totals. */
export class StatusQueries {
  readonly #o: StatusOptions;

  constructor(options: StatusOptions) {
    this.#o = options;
  }

  all(): shape.Status {
    const { world, around } = this.#o;
    return {
      daemon: this.#o.daemon(),
      services: world.ids().map((id) => describeService(id, world.get(id)!, around)),
      ...this.#unloaded(),
    };
  }

  unitFiles(): shape.UnitFiles {
    return { notes: this.#o.daemon().notes, ...this.#unloaded() };
  }

  #unloaded(): { masked: NonNullable<shape.Status["masked"]>; broken: NonNullable<shape.Status["broken"]> } {
    const { catalog } = this.#o;
    return {
      masked: [...catalog.masked].map(([id, file]) => ({ id, file })),
      broken: catalog.broken.map((unit) => ({ ...unit, problems: [...unit.problems] })),
    };
  }

  service(id: string, entry: Entry): shape.Service {
    return describeService(id, entry, this.#o.around);
  }

  async detail(id: string, entry: Entry, pss: boolean): Promise<shape.ServiceDetail> {
    const { unit, spec } = entry;
    const { store, logs, around, usage, forecaster } = this.#o;
    const tree = this.#treeOf(id, entry);
    const share = tree === null || !pss ? null : usage.proportional(tree);
    const condition = logs.condition(id);
    const detail = {
      ...describeService(id, entry, around),
      command: commandOf(spec, around.display(spec)),
      enforcement: spec.limits === null ? [] : enforcementWords(spec.limits, unenforcedOf(this.#o, id, unit)),
      predictions: forecaster.predictionsOf(id, entry).map(({ text }) => text),
      pss_mb: share === null ? null : round(share, 2),
      log: { losses: condition.losses.map((loss) => ({ ...loss })), trouble: condition.trouble },
      recent_events: store.events({ limit: 10, serviceIds: [id] }).map(eventShape),
      recent_lines: [...logs.read(id, { lines: 10 })],
    };
    return { ...detail, processes: await this.processes(id, entry) };
  }

  async processes(id: string, entry: Entry): Promise<shape.ServiceProcess[]> {
    const tree = this.#treeOf(id, entry);
    const list = tree === null ? [] : await this.#o.processUsage.of(tree);
    return list.map(({ pid, name, parent, cpuPercent, memoryMb, startedAtMs }) => ({
      pid,
      name,
      ppid: parent,
      cpu_percent: cpuPercent === null ? null : round(cpuPercent, 1),
      memory_mb: memoryMb === null ? null : round(memoryMb, 2),
      started_at: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
    }));
  }

  summary(): shape.Summary {
    const { world, sampler, store, clock } = this.#o;
    const byState = Object.fromEntries(STATES.map((state) => [state, 0])) as shape.Summary["by_state"];
    const byHealth = Object.fromEntries(HEALTHS.map((health) => [health, 0])) as shape.Summary["by_health"];
    const criticalDown: string[] = [];
    let cpu = 0;
    let memory = 0;
    let total = 0;
    for (const [id, entry] of world.entries()) {
      total++;
      byState[stateOf(entry.unit)]++;
      byHealth[healthOf(entry)]++;
      if (entry.spec.critical && isDownByFailure(entry)) criticalDown.push(id);
      cpu += sampler.latest(id)?.cpuPercent ?? 0;
      memory += sampler.latest(id)?.memoryMb ?? 0;
    }
    const since = new Date(clock.wallMs() - DAY_MS).toISOString();
    return {
      total,
      by_state: byState,
      by_health: byHealth,
      restarts_24h: store.events({ limit: MAX_EVENTS, types: ["backoff"], since }).length,
      cpu_percent: round(cpu, 1),
      memory_mb: round(memory, 1),
      critical_down: criticalDown,
      open_alerts: store.alerts(true).length,
    };
  }

  #treeOf(id: string, { unit }: Entry): TreeOf | null {
    return unit.process === null ? null : { invocation: this.#o.invocationOf(id, unit.run), main: unit.process };
  }
}

/** Returns the command line of a unit. The variables in a shell command are not expanded, because the shell expands them. */
const commandOf = ({ exec }: Spec, display: Display): string =>
  [display(exec.command, { variables: !exec.shell }), ...exec.args.map((arg) => display(arg))].join(" ");

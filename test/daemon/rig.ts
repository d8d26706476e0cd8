import type { DaemonInfo } from "../../src/api/contract/shapes.ts";
import type { Surroundings } from "../../src/daemon/queries/describe.ts";
import { LastOutput } from "../../src/daemon/queries/last-output.ts";
import { LocalSupervisor, type LocalSupervisorOptions } from "../../src/daemon/queries/supervisor.ts";
import { Actions, type ActionsOptions } from "../../src/daemon/jobs/actions.ts";
import { Rolling } from "../../src/daemon/jobs/rolling.ts";
import { Scaling } from "../../src/daemon/jobs/scaling.ts";
import { Instances } from "../../src/daemon/units/instances.ts";
import { Reloader } from "../../src/daemon/units/reloader.ts";
import { UnitCatalog } from "../../src/daemon/units/unit-catalog.ts";
import type { WorldEvent } from "../../src/core/world/world.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { UnitSource } from "../../src/ports/files.ts";
import type { LogLine, LogStore } from "../../src/ports/logs.ts";
import type { AlertRow } from "../../src/ports/store/alerts.ts";
import type { EventRow } from "../../src/ports/store/events.ts";
import type { FingerprintRow } from "../../src/ports/store/fingerprints.ts";
import type { MetricRow } from "../../src/ports/store/metrics.ts";
import type { Store } from "../../src/ports/store/store.ts";
import type { ProcessFigures, Sample } from "../../src/ports/usage.ts";
import { displayOf } from "../../src/spec/load/display.ts";
import { specifiersFor } from "../../src/spec/load/specifiers.ts";
import { problemLine } from "../../src/spec/parse/problems.ts";
import { Stage } from "../core/world/stage.ts";

/** The wall clock of the rig when its monotonic clock is 0. */
export const BOOT = Date.parse("2026-05-01T12:00:00.000Z");

type UnitFile = Readonly<Record<string, unknown>> | string;

export interface Rig {
  readonly stage: Stage;
  /** The unit files on disk by id, as objects or as text; a test may change them. */
  readonly files: Map<string, UnitFile>;
  readonly catalog: UnitCatalog;
  readonly reloader: Reloader;
  readonly instances: Instances;
  readonly supervisor: LocalSupervisor;
  /** `[type, message, id]` of the events that were recorded outside of turns. */
  readonly told: Array<readonly [type: string, message: string, id: string | null]>;
  readonly announced: string[];
  readonly enablements: Map<string, boolean>;
  /** What the store holds. */
  readonly events: EventRow[];
  readonly fingerprints: FingerprintRow[];
  readonly alerts: AlertRow[];
  readonly metrics: MetricRow[];
  /** Log lines by unit, and the calls of the log store. */
  readonly lines: Map<string, LogLine[]>;
  readonly logCalls: string[];
  readonly samples: Map<string, Sample>;
  readonly processes: ProcessFigures[];
  readonly probed: string[];
}

/** The queries and the units of a daemon over a stage, with fakes of everything else. Its files are loaded, nothing is started. */
export function makeRig(files: Record<string, UnitFile> = {}): Rig {
  const stage = new Stage([]);
  const { world } = stage;
  const disk = new Map(Object.entries(files));
  const catalog = new UnitCatalog(sourceOf(disk), null, (service) => world.scaleOf(service));
  const handleEvent = stage.handle.bind(stage);
  stage.handle = (event) => {
    const turn = handleEvent(event);
    catalog.follow(turn, world);
    return turn;
  };
  const told: Rig["told"] = [];
  const announced: string[] = [];
  const enablements = new Map<string, boolean>();
  const [events, alerts, metrics, lines] = [[], [], [], new Map()] as [EventRow[], AlertRow[], MetricRow[], Map<string, LogLine[]>];
  const fingerprints: FingerprintRow[] = [];
  const logCalls: string[] = [];
  const samples = new Map<string, Sample>();
  const processes: ProcessFigures[] = [];
  const probed: string[] = [];
  const handle = (...all: readonly WorldEvent[]): void => all.forEach((event) => stage.post(event));
  const tell: LocalSupervisorOptions["tell"] = (type, message, id) => void told.push([type, message, id ?? null]);
  const announce = (id: string): void => void announced.push(id);
  let rolls = 0;
  const roll = (): number => (++rolls / 1000) % 1; // ids of jobs are random numbers, and must differ
  const clock: Clock = { monotonicMs: () => stage.nowMs, wallMs: () => BOOT + stage.nowMs, roll, wakeAt: () => {} };
  const store = {
    ...storeOf(events, alerts, metrics, enablements),
    fingerprints: (id: string) => fingerprints.filter((row) => row.serviceId === id),
  };
  const logs = logsOf(lines, logCalls);
  const systemUnits = { check: () => {}, hasAppeared: () => false };
  const loading = {
    world,
    catalog,
    systemUnits,
    recorder: { tell },
    refresh: (id: string) => logCalls.push(`refresh ${id}`),
    earlierRuns: () => 0,
  };
  const reloader = new Reloader({
    ...loading,
    enablements: () => enablements,
    handle,
    announce,
    filesRead: () => {},
    roll: (service: string) => void supervisor.rollingRestart(service, false),
  } as never);
  const instances = new Instances({ world, catalog, reloader, handle });
  const engine = { handle, watch: () => () => {}, ask: () => [] };
  const actions = new Actions({ world, engine, processes: {}, store, recorder: { tell }, clock, announce } as unknown as ActionsOptions);
  const scaling = new Scaling({ world, catalog, actions, recorder: { tell }, earlierRuns: () => 0, handle });
  const rolling = new Rolling({ world, catalog, clock, earlierRuns: () => 0, handle });
  const lastOutput = new LastOutput(store as Store);
  const around: Surroundings = {
    world,
    clock,
    isEnabled: (id) => reloader.isEnabled(id, world.get(id)),
    usage: (id) => samples.get(id),
    containment: () => "cgroup",
    lastOutput: (id, run) => lastOutput.of(id, run),
    invocationOf: (id, run) => `${id}-${run}`,
    onDisk: (id) => catalog.onDisk(id),
    planOf: () => undefined,
    display: (spec) => displayOf(spec, { HOME: "/home/op" }, specifiersFor(spec.id, { home: "/home/op", state: "/state", logs: "/logs", runtime: "/run" })), // prettier-ignore
  };
  const supervisor = new LocalSupervisor({
    ...{
      world,
      clock,
      store,
      logs,
      catalog,
      reloader,
      instances,
      actions,
      scaling,
      rolling,
      around,
      tell,
      invocationOf: around.invocationOf,
    },
    processes: { unheld: () => null, bind: () => {} },
    usage: { proportional: () => 3.14159 },
    processUsage: { of: async () => processes },
    bus: { subscribe: () => () => {} },
    findPortHolder: () => null,
    sampler: { latest: (id: string) => samples.get(id), report: () => true },
    forecaster: { predictionsOf: () => [], of: (id: string) => ({ id }), all: () => [] },
    daemon: () => ({ version: "1", containment: "cgroup", containment_note: null }) as DaemonInfo,
    probeNow: async (id: string) => void probed.push(id),
    transients: {},
    dispatcher: { acknowledged: () => {} },
    ...{ telemetry: () => ({}), shutdown: () => {}, reexec: () => {} },
  } as unknown as LocalSupervisorOptions);
  reloader.loadAll(new Set());
  // A text may be wrong on purpose, an object is wrong by mistake.
  for (const [id, file] of disk)
    for (const problem of typeof file === "string" ? [] : catalog.problemsOf(id)) throw new Error(problemLine(problem));
  return { ...{ stage, files: disk, catalog, reloader, instances, supervisor, told, announced, enablements }, ...{ events, fingerprints, alerts, metrics, lines, logCalls, samples, processes, probed } }; // prettier-ignore
}

/** Stands for a link to /dev/null in place of the file. */
export const MASK = "masked";

function sourceOf(files: ReadonlyMap<string, UnitFile>): UnitSource {
  const textOf = (file: UnitFile): string => (typeof file === "string" ? file : JSON.stringify(file));
  return {
    directories: ["/units"],
    leftAlone: () => [],
    watch: () => () => {},
    snapshot: () => {
      const all = [...files].map(([id, file]) => ({ id, main: { path: `/units/${id}.unit.json`, text: textOf(file) }, dropIns: [] }));
      return {
        units: all.filter(({ main }) => main.text !== MASK),
        unreadable: [],
        masked: all.filter(({ main }) => main.text === MASK).map(({ id, main }) => ({ id, path: main.path })),
      };
    },
  };
}

function storeOf(events: EventRow[], alerts: AlertRow[], metrics: MetricRow[], enablements: Map<string, boolean>): Partial<Store> {
  return {
    events: ({ limit, serviceIds, types, since = "" }) =>
      events
        .filter(
          (row) => (serviceIds?.includes(row.serviceId ?? "") ?? true) && (types?.includes(row.type) ?? true) && row.timestamp >= since,
        )
        .slice(-limit),
    alerts: (openOnly) => alerts.filter((alert) => !openOnly || alert.resolvedAt === null),
    acknowledgeAlert: (id) => {
      const at = alerts.findIndex((alert) => alert.id === id);
      alerts[at] = { ...alerts[at]!, acknowledged: true };
    },
    metrics: (id, since, limit, before = "9999") =>
      metrics.filter((row) => row.serviceId === id && row.timestamp >= since && row.timestamp < before).slice(-limit),
    setEnabled: (id, enabled) => void enablements.set(id, enabled!),
  };
}

function logsOf(lines: ReadonlyMap<string, LogLine[]>, calls: string[]): Partial<LogStore> {
  const note = (call: string): void => void calls.push(call);
  return {
    open: (unit) => note(`open ${unit}`),
    rotate: (unit) => (note(`rotate ${unit}`), true),
    follow: (unit) => (note(`follow ${unit}`), () => note(`unfollow ${unit}`)),
    trail: (unit) => (note(`trail ${unit}`), { place: () => null, next: () => null, watch: () => () => {}, close: () => {} }) as never,
    read: (unit) => lines.get(unit) ?? [],
    search: async (unit, { from = "", before = "9999", grep }) =>
      (lines.get(unit) ?? []).filter(({ time, text }) => time >= from && time < before && (grep?.test(text) ?? true)),
    mark: () => "9000-01-01T00:00:00.000000000Z",
    condition: () => ({ losses: [], trouble: null }),
  };
}

import { readFileSync } from "node:fs";
import { DAY_MS } from "../../base/duration.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { systemClock } from "../../adapters/clock.ts";
import { openLogs } from "../../adapters/logs/store.ts";
import { openProber } from "../../adapters/probes/index.ts";
import { openStore } from "../../adapters/sqlite/store.ts";
import { watchFiles } from "../../adapters/files/filewatch.ts";
import { openUnitSource } from "../../adapters/files/unitdir.ts";
import { processUsage } from "../../adapters/usage/process-usage.ts";
import { treeUsage } from "../../adapters/usage/tree-usage.ts";
import { deletedWords, lossEvent } from "../../core/logs/loss-messages.ts";
import { isDown } from "../../core/unit/phase.ts";
import { World, type Turn } from "../../core/world/world.ts";
import { bootId } from "../../linux/proc/boot.ts";
import { type Cgroups, openCgroups } from "../../linux/cgroup/cgroup.ts";
import { openEpoll } from "../../linux/io/epoll.ts";
import { noKeeper, openKeeper } from "../../linux/keeper/keeper.ts";
import { hasListener } from "../../linux/io/unix-listeners.ts";
import { openSdNotify } from "../../linux/io/sd-notify.ts";
import { openProcesses, type ProcessTable } from "../../linux/processes/processes.ts";
import { openSockets } from "../../linux/io/sockets.ts";
import { openUsers } from "../../linux/spawn/users.ts";
import type * as shape from "../../api/contract/shapes.ts";
import type { Telemetry } from "../../api/server/supervisor.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { LogLoss } from "../../ports/logs.ts";
import type { SdNotifySockets } from "../../ports/sd-notify.ts";
import type { UnitSource } from "../../ports/files.ts";
import type { Prober } from "../../ports/prober.ts";
import type { ProcessUsage, Usage } from "../../ports/usage.ts";
import type { Users } from "../../ports/users.ts";
import { type Places, SYSTEM_SOCKET } from "../../spec/places.ts";
import { problemLine } from "../../spec/parse/problems.ts";
import type { Settings } from "../../spec/schema/settings.ts";
import { Actions } from "../jobs/actions.ts";
import { Background } from "../background/background.ts";
import { Bus } from "../engine/bus.ts";
import { UnitCatalog } from "../units/unit-catalog.ts";
import { describeService, type Surroundings } from "../queries/describe.ts";
import { earlierRuns } from "../units/earlier-runs.ts";
import { Engine, type TurnSink } from "../engine/engine.ts";
import { LocalSupervisor } from "../queries/supervisor.ts";
import { Interpreter } from "../engine/interpreter.ts";
import { Invocations } from "../engine/invocations.ts";
import type { DaemonLog } from "../lifecycle/daemon-log.ts";
import { Launcher } from "../engine/launcher.ts";
import { SystemUnits } from "../lifecycle/system-units.ts";
import { Recorder } from "../engine/recorder.ts";
import { Instances } from "../units/instances.ts";
import { Reloader } from "../units/reloader.ts";
import { SocketHolder } from "../engine/socket-holder.ts";
import { Transients } from "../units/transients.ts";

export interface Parts {
  readonly clock: ReturnType<typeof systemClock>;
  readonly store: Extract<ReturnType<typeof openStore>, { ok: true }>["value"];
  readonly logs: ReturnType<typeof openLogs>;
  readonly world: World;
  readonly engine: Engine;
  readonly interpreter: Interpreter;
  readonly recorder: Recorder;
  readonly catalog: UnitCatalog;
  readonly source: ReturnType<typeof openUnitSource>;
  readonly reloader: Reloader;
  readonly keeper: Keeper;
  readonly sockets: SocketHolder;
  readonly notify: SdNotifySockets;
  readonly background: Background;
  readonly facade: LocalSupervisor;
  /** What an operator should know of the daemon itself. */
  readonly notes: string[];
  readonly bootId: string;
  readonly processes: ProcessTable;
  readonly invocationOf: (id: string, run: number) => string;
  readonly invocations: Pick<Invocations, "cutOff" | "given" | "forgetUnit" | "runOf" | "forget">;
  close(): void;
}

export interface ComposeOptions {
  readonly places: Places;
  readonly settings: Settings;
  readonly version: string;
  readonly daemonLog: DaemonLog;
  readonly describeDaemon: (notes: readonly string[], leftAlone: ReturnType<UnitSource["leftAlone"]>) => shape.DaemonInfo;
  readonly shutdown: (leave: boolean) => void;
  readonly reexec: () => void;
}

/** The only file that names concrete adapters: everything is made here and meets the rest through its port. */
export function compose(options: ComposeOptions): Result<Parts, string> {
  const machine = openMachine(options, (type, message, id, details) => parts.recorder.tell(type, message, id, details));
  if (!machine.ok) return machine;
  const parts = assemble(machine.value, options);
  return ok(parts);
}

type Machine = Pick<
  Parts,
  | "clock"
  | "store"
  | "logs"
  | "source"
  | "processes"
  | "bootId"
  | "keeper"
  | "sockets"
  | "notify"
  | "invocationOf"
  | "invocations"
  | "close"
> & {
  readonly systemUnits: SystemUnits;
  readonly prober: Prober;
  readonly usage: Usage;
  readonly processUsage: ProcessUsage;
  readonly users: Users;
};

/** What it throws is about this machine, and no bug: there is nothing a daemon could do where no process can be started. */
function startable<T>(open: () => T): Result<T, string> {
  try {
    return ok(open());
  } catch (error) {
    return err((error as Error).message);
  }
}

/** What reaches outside: the adapters, on their ports. */
function openMachine({ places, settings, daemonLog, version }: ComposeOptions, tell: Recorder["tell"]): Result<Machine, string> {
  const clock = systemClock();
  const opened = openStore(`${places.state}/sup.db`);
  if (!opened.ok) return opened;
  const store = opened.value;
  const epoll = openEpoll({
    onError: (error) => daemonLog.bug("a callback of the hub threw", error),
    onWarning: (message) => daemonLog.warn(message),
  });
  const invocations = new Invocations(store, bootId(), places.runtime, (message) => daemonLog.warn(message));
  const invocationOf = (id: string, run: number): string => invocations.of(id, run);
  const cgroups = cgroupsFor(settings, store, invocations.nameOf(""));
  // Who kills a pid 1 ends all of its namespace.
  const keeper = process.pid === 1 ? noKeeper : openKeeper({ runtimeDir: places.runtime, onProblem: (message) => daemonLog.warn(message) });
  const table = startable(() => openProcesses({ epoll, cgroups, keeper, scratch: places.runtime }));
  if (!table.ok) return table;
  const processes = table.value;
  const note = processes.containmentNote;
  if (settings.containment === "cgroup" && note !== null)
    return err(`cannot start: the setting "containment" asks for cgroups, and there are none: ${note}`);
  const logs = openLogs({
    runtimeDir: places.runtime,
    logDir: places.logs,
    epoll,
    keeper,
    clock,
    onProblem: (message) => daemonLog.warn(message),
    retention: { maxTotalBytes: settings.logs.maxTotalBytes, goneMs: settings.logs.retentionDays * DAY_MS },
    onDeleted: (deleted) => tell("logs-deleted", deletedWords(deleted, settings.logs.retentionDays), null, { ...deleted }),
    onLoss: (unit, loss) => tellLoss(tell, unit, loss),
  });
  const usage = treeUsage(processes);
  const systemUnits = new SystemUnits(places, () => hasListener(SYSTEM_SOCKET));
  const close = (): void => {
    processes.close();
    keeper.close();
    store.close();
    epoll.close();
  };
  return ok({
    clock,
    store,
    logs,
    processes,
    close,
    bootId: bootId(),
    systemUnits,
    source: openUnitSource(places.unitPath, { leavesAlone: (directory) => systemUnits.leavesAlone(directory) }),
    prober: openProber({ processes, epoll, version }),
    usage,
    processUsage: processUsage({ table: processes, trees: usage }),
    users: openUsers(),
    keeper,
    sockets: new SocketHolder(openSockets(), keeper),
    notify: openSdNotify({
      epoll,
      keeper,
      directory: `${places.runtime}/notify`,
      abstractName: (unit) => `sup/${invocations.nameOf(`notify:${unit}`)}`,
    }),
    invocationOf,
    invocations,
  });
}

function cgroupsFor({ containment }: Settings, store: Pick<Machine["store"], "get" | "set">, key: string): Result<Cgroups, string> {
  if (containment === "processes") return err("switched off by the setting `containment`");
  const cgroups = openCgroups({ key: key.slice(0, 8), known: store.get("cgroup-root") });
  if (cgroups.ok) store.set("cgroup-root", cgroups.value.root);
  return cgroups;
}

/** What decides and answers, on top of the machine. */
function assemble(machine: Machine, { places, settings, daemonLog, describeDaemon, shutdown, reexec }: ComposeOptions): Parts {
  const { clock, store, logs, processes, prober, usage, users, source, sockets, notify, systemUnits, invocationOf } = machine;
  const bug = (message: string, error?: unknown): void => daemonLog.bug(message, error);
  const world = new World({ startConcurrency: settings.startConcurrency, spreadChecks: true });
  const catalog = new UnitCatalog(source, settings.unitDefaults);
  const bus = new Bus({ firstId: Math.floor(clock.wallMs()) * 1000, onError: (error) => bug("a subscriber threw", error) });
  const enablements = cached(() => store.enablements());
  const around: Surroundings = {
    world,
    clock,
    isEnabled: (id) => enablements.get().get(id) ?? world.get(id)?.spec.enabled ?? false,
    usage: (id) => background.sampler.latest(id),
    containment: (id, run) => processes.containment(invocationOf(id, run)),
    invocationOf,
    onDisk: (id) => catalog.onDisk(id),
    planOf: (id) => background.schedules.planOf(id),
  };
  const recorder = new Recorder({ world, clock, store, logs, bus, around, invocationOf, effective: (id) => catalog.get(id)?.effective });
  const publish = (turn: Turn): void => {
    recorder.publish(turn);
    letGo(turn, machine, world, [interpreter, background]);
  };
  const sink: TurnSink = { record: (turn) => recorder.record(turn), publish, perform: (effect) => interpreter.perform(effect), bug };
  const engine = new Engine({ world, clock, sink });
  const post = engine.post.bind(engine);
  const onProbe = (id: string, responseMs: number | null): void => background.meter.probed(id, responseMs);
  const launcher = new Launcher({ users, places, locale: { LANG: process.env.LANG, TZ: process.env.TZ }, readText });
  const outside = { processes, logs, prober, launcher, sockets, notify, clock };
  const interpreter = new Interpreter({ ...outside, world, bootId: machine.bootId, invocationOf, post, bug, onProbe });
  const announce = (id: string): void => {
    enablements.forget();
    background.schedules.check(id);
    const entry = world.get(id);
    if (entry !== undefined) bus.publish({ kind: "service", data: describeService(id, entry, around) });
  };
  const handle = engine.handle.bind(engine);
  const runsBefore = earlierRuns(store, machine.invocations);
  const loading = { world, catalog, systemUnits, recorder, logs, earlierRuns: runsBefore };
  const reloader = new Reloader({ ...loading, enablements: () => enablements.get(), handle, announce });
  const instances = new Instances({ world, catalog, reloader, handle });
  const actions = new Actions({ world, engine, processes, store, recorder, clock, announce });
  const watching = { bus, reloader, launcher, watchFiles, invocationOf, bug, tickMs: settings.metrics.intervalMs };
  const background = new Background({ world, clock, store, logs, processes, usage, engine, recorder, ...watching });
  const transients = new Transients({ world, engine, catalog, logs, instances, earlierRuns: runsBefore, roll: () => clock.roll() });
  const notes: string[] = [];
  const daemon = (): shape.DaemonInfo => describeDaemon(daemonNotes(notes, store.condition.notes, catalog), source.leftAlone());
  const probeNow = async (id: string): Promise<void> => {
    const done = interpreter.whenProbed(id);
    post({ type: "probeNow", id });
    await done;
  };
  const telemetry = (): Telemetry => readTelemetry(background, engine, machine, world);
  const acting = { tell: recorder.tell.bind(recorder), telemetry, actions, instances, reloader, transients, probeNow, shutdown, reexec };
  const facade = new LocalSupervisor({
    ...machine,
    world,
    bus,
    catalog,
    sampler: background.sampler,
    forecaster: background.forecaster,
    around,
    daemon,
    ...acting,
  });
  return { ...machine, world, engine, interpreter, recorder, catalog, reloader, background, facade, notes };
}

/** What units that are down or gone do not need any more. */
function letGo(
  turn: Turn,
  { logs, sockets, notify, invocations }: Pick<Machine, "logs" | "sockets" | "notify" | "invocations">,
  world: World,
  rememberers: ReadonlyArray<{ forget(id: string): void }>,
): void {
  for (const id of turn.removed) {
    logs.close(id);
    if (world.get(id) !== undefined) continue; // it is there again
    for (const one of rememberers) one.forget(id);
    invocations.forgetUnit(id);
  }
  for (const id of [...turn.changed, ...turn.removed]) {
    if (!isDown(world.get(id)?.unit.phase ?? "idle")) continue;
    sockets.release(id);
    notify.close(id);
  }
}

function readTelemetry(
  { meter, sampler }: Background,
  engine: Engine,
  { store, logs }: Pick<Machine, "store" | "logs">,
  world: World,
): Telemetry {
  const reported = [...sampler.reported()].flatMap(([unit, numbers]) =>
    Object.entries(numbers).map(([name, value]) => ({ unit, name, value })),
  );
  const [cpu, memory] = [process.cpuUsage(), process.memoryUsage()];
  return {
    ...meter.read(),
    reported,
    unlogged: world.ids().flatMap((unit) => logs.condition(unit).losses.map(({ why, lines }) => ({ unit, why, lines }))),
    mailbox: engine.depth,
    storeBytes: store.size(),
    residentBytes: memory.rss,
    heapBytes: memory.heapUsed,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

/** Notes of the daemon, of the store, and the units whose files are bad. */
function daemonNotes(own: readonly string[], store: readonly string[], catalog: UnitCatalog): string[] {
  const bad = catalog.problems().filter((problem) => problem.severity === "error");
  const lines = bad.map(problemLine);
  return [...own, ...store, ...lines];
}

function cached<T>(make: () => T): { get(): T; forget(): void } {
  let value: T | null = null;
  return { get: () => (value ??= make()), forget: () => void (value = null) };
}

function readText(path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (error) {
    return err((error as NodeJS.ErrnoException).code ?? String(error));
  }
}

function tellLoss(tell: Recorder["tell"], unit: string, loss: LogLoss): void {
  const { type, message } = lossEvent(loss);
  tell(type, message, unit, { ...loss });
}

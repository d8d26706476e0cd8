import { firstLineOf, realPathOf } from "../../adapters/files/text-file.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { ok, type Result } from "../../base/result.ts";
import { World, type Turn } from "../../core/world/world.ts";
import type { UnitSource } from "../../ports/files.ts";
import { Background } from "../background/background.ts";
import { Bus } from "../engine/bus.ts";
import { ConnectionWatch } from "../engine/connection-watch.ts";
import { Engine, type TurnSink } from "../engine/engine.ts";
import { Interpreter } from "../engine/interpreter.ts";
import { Recorder, type RecorderOptions } from "../engine/recorder.ts";
import { Actions } from "../jobs/actions.ts";
import { Rolling } from "../jobs/rolling.ts";
import { Scaling } from "../jobs/scaling.ts";
import type { Dispatcher } from "../notifications/dispatcher.ts";
import { reloadNotifications } from "../notifications/reload.ts";
import { describeService, type Surroundings } from "../queries/describe.ts";
import { LocalSupervisor } from "../queries/supervisor.ts";
import { earlierRuns } from "../units/earlier-runs.ts";
import { Instances } from "../units/instances.ts";
import { Reloader, type ReloaderOptions } from "../units/reloader.ts";
import { Transients } from "../units/transients.ts";
import { UnitCatalog } from "../units/unit-catalog.ts";
import { makeEditing } from "./make-editing.ts";
import { makeFingerprints } from "./make-fingerprints.ts";
import { makeLauncher } from "./make-launcher.ts";
import { openMachine, type Machine, type MachineOptions } from "./machine.ts";
import { makeDispatcher } from "./notifications.ts";
import { releaseAfter } from "./release.ts";
import { daemonNotes, readTelemetry } from "./self-report.ts";

/** All parts of the daemon: the adapters of the machine, and the parts that make decisions and answer requests. */
export interface Parts extends Machine {
  readonly world: World;
  readonly engine: Engine;
  readonly interpreter: Interpreter;
  readonly recorder: Recorder;
  readonly catalog: UnitCatalog;
  readonly reloader: Reloader;
  readonly background: Background;
  readonly dispatcher: Dispatcher;
  readonly facade: LocalSupervisor;
  /** Messages for the operator about the daemon itself. */
  readonly notes: string[];
}

export interface ComposeOptions extends MachineOptions {
  readonly describeDaemon: (notes: readonly string[], leftAlone: ReturnType<UnitSource["leftAlone"]>) => shape.DaemonInfo;
  readonly shutdown: (leave: boolean) => void;
  readonly reexec: () => void;
}

/** Creates all parts of the daemon. Only this folder names concrete adapters; every other part receives them through their ports. */
export function compose(options: ComposeOptions): Result<Parts, string> {
  // The log store and the recorder need each other. Therefore the log store gets a function that looks up the recorder at each report.
  const machine = openMachine(options, (type, message, id, details) => parts.recorder.tell(type, message, id, details));
  if (!machine.ok) return machine;
  const parts = assemble(machine.value, options);
  return ok(parts);
}

function assemble(machine: Machine, { places, settings, daemonLog, describeDaemon, shutdown, reexec }: ComposeOptions): Parts {
  const { clock, store, logs, processes, users, source, watchFiles, stdins, invocationOf } = machine;
  const bug = (message: string, error?: unknown): void => daemonLog.bug(message, error);
  const world = new World({ startConcurrency: settings.startConcurrency, spreadChecks: true });
  const catalog = new UnitCatalog(source, settings.unitDefaults, (service) => world.scaleOf(service));
  const bus = new Bus({ clock, onError: (error) => bug("a subscriber threw", error) });
  const enablements = cached(() => store.enablements());
  const around: Surroundings = {
    world,
    clock,
    isEnabled: (id) => reloader.isEnabled(id, world.get(id)),
    usage: (id) => background.sampler.latest(id),
    containment: (id, run) => processes.containment(invocationOf(id, run)),
    lastOutput: (id, run) => recorder.lastOutput.of(id, run),
    invocationOf,
    onDisk: (id) => catalog.onDisk(id),
    planOf: (id) => background.schedules.planOf(id),
    display: (spec) => launcher.display(spec),
  };
  const dispatcher = makeDispatcher({ ...machine, world, settings, planOf: around.planOf, parts: () => ({ recorder, engine }) });
  const effective: RecorderOptions["effective"] = (id) => catalog.get(id)?.effective;
  const recorder: Recorder = new Recorder({ world, clock, store, logs, bus, around, invocationOf, effective, messages: dispatcher });
  const publish = (turn: Turn): void => {
    recorder.publish(turn);
    releaseAfter(turn, world, machine, [interpreter, background, stdins]);
  };
  const record = (turn: Turn): void => {
    for (const id of catalog.follow(turn, world)) interpreter.refresh(id);
    recorder.record(turn);
  };
  const sink: TurnSink = { record, publish, perform: (effect) => interpreter.perform(effect), bug };
  const engine: Engine = new Engine({ world, clock, sink });
  engine.watch((turn) => [interpreter, connectionWatch].forEach((one) => one.followTurn(turn)));
  const [post, handle] = [engine.post.bind(engine), engine.handle.bind(engine)];
  const onProbe = (id: string, responseMs: number | null): void => background.meter.probed(id, responseMs);
  const [launcher, fingerprints] = [makeLauncher(users, places), makeFingerprints({ ...machine, effective }, places, daemonLog)];
  const interpreter = new Interpreter({ ...machine, world, launcher, fingerprints, post, bug, onProbe, firstLineOf, realPathOf });
  const connectionWatch = new ConnectionWatch({ world, sockets: machine.sockets, interpreter, post });
  const announce = (id: string): void => {
    enablements.forget();
    background.schedules.check(id);
    const entry = world.get(id);
    if (entry !== undefined) bus.publish(() => ({ kind: "service", data: describeService(id, entry, around) }));
  };
  const runsBefore = earlierRuns(store, machine.invocations);
  const loading = { ...machine, world, catalog, recorder, refresh: interpreter.refresh, earlierRuns: runsBefore, connectionWatch };
  const filesRead = publisher(bus, () => facade.unitFiles());
  const roll: ReloaderOptions["roll"] = (service, before) => rolling.roll(service, before);
  const reloader = new Reloader({ ...loading, enablements: () => enablements.get(), handle, announce, filesRead, roll });
  const instances = new Instances({ world, catalog, reloader, handle });
  const actions = new Actions({ world, engine, processes, store, recorder, clock, announce });
  const [scaling, rolling] = [new Scaling({ ...loading, actions, handle }), new Rolling({ ...loading, handle })];
  const background = new Background({ ...loading, bus, engine, reloader, launcher, watchFiles, bug, tickMs: settings.metrics.intervalMs });
  const transients = new Transients({ ...loading, engine, instances, stdins, roll: () => clock.roll() });
  const notes: string[] = [];
  const facade = new LocalSupervisor({
    ...machine,
    ...{ world, bus, catalog, around, actions, scaling, rolling, instances, reloader, transients },
    editing: makeEditing({ catalog, reloader, recorder }, places, users),
    probeNow: (id) => interpreter.probeNow(id),
    ...{ shutdown, reexec },
    ...{ sampler: background.sampler, forecaster: background.forecaster, host: () => background.host },
    tell: recorder.tell.bind(recorder),
    dispatcher,
    reloadSettings: (isDryRun) => reloadNotifications(places.settings, dispatcher, isDryRun),
    telemetry: () => readTelemetry(background, engine, machine, world, dispatcher),
    daemon: () => describeDaemon(daemonNotes([...notes, ...dispatcher.notes()], store.condition.notes, catalog), source.leftAlone()),
  });
  return { ...machine, world, engine, interpreter, recorder, catalog, reloader, background, dispatcher, facade, notes };
}

/** Returns a function that publishes the unit files if they have changed since its last call. */
function publisher(bus: Bus, read: () => shape.UnitFiles): () => void {
  let last = "";
  return () => {
    const data = read();
    const text = JSON.stringify(data);
    if (text !== last) bus.publish(() => ({ kind: "files", data }));
    last = text;
  };
}

function cached<T>(make: () => T): { get(): T; forget(): void } {
  let value: T | null = null;
  return { get: () => (value ??= make()), forget: () => void (value = null) };
}

import { systemClock } from "../../adapters/clock.ts";
import { watchFiles } from "../../adapters/files/filewatch.ts";
import { openUnitSource } from "../../adapters/files/unitdir.ts";
import { openLogs } from "../../adapters/logs/store.ts";
import { openNotifier } from "../../adapters/notifications/index.ts";
import { openProber } from "../../adapters/probes/index.ts";
import { openStore } from "../../adapters/sqlite/store.ts";
import { processUsage } from "../../adapters/usage/process-usage.ts";
import { treeUsage } from "../../adapters/usage/tree-usage.ts";
import { DAY_MS } from "../../base/duration.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { deletedWords, lossEvent } from "../../core/logs/loss-messages.ts";
import { type Cgroups, openCgroups } from "../../linux/cgroup/cgroup.ts";
import { type Epoll, openEpoll } from "../../linux/io/epoll.ts";
import { type Inotify, openInotify } from "../../linux/io/inotify.ts";
import { findPortHolder } from "../../linux/io/port-holder.ts";
import { openSdNotify } from "../../linux/io/sd-notify.ts";
import { openSockets } from "../../linux/io/sockets.ts";
import { openStdinFifo } from "../../linux/io/stdin-fifo.ts";
import { hasListener } from "../../linux/io/unix-listeners.ts";
import { noKeeper, openKeeper } from "../../linux/keeper/keeper.ts";
import { findDescriptorShortage } from "../../linux/self/descriptors.ts";
import { pathChecker } from "../../linux/self/path-check.ts";
import { bootId } from "../../linux/proc/boot.ts";
import { hostUsage } from "../../linux/proc/host.ts";
import { openProcesses, type ProcessTable } from "../../linux/processes/processes.ts";
import { openUsers } from "../../linux/spawn/users.ts";
import { openTerminals } from "../../linux/tty/terminals.ts";
import type { Clock } from "../../ports/clock.ts";
import type { UnitSource } from "../../ports/files.ts";
import type { WatchFiles } from "../../ports/filewatch.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { Notifier } from "../../ports/notifier.ts";
import type { PortHolder } from "../../ports/port-holder.ts";
import type { Prober } from "../../ports/prober.ts";
import type { SdNotifySockets } from "../../ports/sd-notify.ts";
import type { Terminals } from "../../ports/terminals.ts";
import type { HostUsage, ProcessUsage, Usage } from "../../ports/usage.ts";
import type { Users } from "../../ports/users.ts";
import { type Places, SYSTEM_SOCKET } from "../../spec/places.ts";
import type { Settings } from "../../spec/schema/settings.ts";
import { Invocations } from "../engine/invocations.ts";
import type { Recorder } from "../engine/recorder.ts";
import { SocketHolder } from "../engine/socket-holder.ts";
import { Stdins } from "../engine/stdins.ts";
import { TerminalViewers } from "../engine/terminal-viewers.ts";
import type { DaemonLog } from "../lifecycle/daemon-log.ts";
import { SystemUnits } from "../lifecycle/system-units.ts";

export interface MachineOptions {
  readonly places: Places;
  readonly settings: Settings;
  readonly version: string;
  readonly daemonLog: DaemonLog;
}

/** All adapters through which the daemon reaches the outside world. */
export interface Machine {
  /** Wall clock time at which the daemon began to open the adapters. */
  readonly startedMs: number;
  readonly clock: Clock;
  readonly store: Extract<ReturnType<typeof openStore>, { ok: true }>["value"];
  readonly logs: ReturnType<typeof openLogs>;
  readonly source: UnitSource;
  readonly watchFiles: WatchFiles;
  readonly processes: ProcessTable;
  readonly prober: Prober;
  readonly notifier: Notifier;
  readonly usage: Usage;
  readonly hostUsage: HostUsage;
  readonly processUsage: ProcessUsage;
  readonly users: Users;
  readonly keeper: Keeper;
  readonly sockets: SocketHolder;
  readonly notify: SdNotifySockets;
  readonly stdins: Stdins;
  readonly terminals: Terminals;
  readonly viewers: TerminalViewers;
  readonly systemUnits: SystemUnits;
  readonly inotify: Pick<Inotify, "watch">;
  readonly bootId: string;
  readonly invocations: Invocations;
  readonly invocationOf: (id: string, run: number) => string;
  readonly findShortage: () => string | null;
  readonly findPortHolder: (port: number) => PortHolder | null;
  readonly pathChecker: readonly string[];
  close(): void;
}

/** Opens the adapters. `report` records an event, and is called only after this function has returned. The error is a message for the user. */
export function openMachine({ places, settings, daemonLog, version }: MachineOptions, report: Recorder["tell"]): Result<Machine, string> {
  const clock = systemClock();
  const startedMs = clock.wallMs();
  const opened = openStore(`${places.state}/sup.db`);
  if (!opened.ok) return opened;
  const store = opened.value;
  const warn = (message: string): void => daemonLog.warn(message);
  const epoll = openEpoll({ onError: (error) => daemonLog.bug("an epoll callback threw", error), onWarning: warn });
  const inotify = openInotify(epoll);
  const invocations = new Invocations(store, bootId(), places.runtime, warn);
  const cgroups = cgroupsFor(settings, store, invocations.nameOf(""));
  // As pid 1 the daemon needs no keeper, because the kernel kills every process of a pid namespace when its pid 1 dies.
  const keeper = process.pid === 1 ? noKeeper : openKeeper({ runtimeDir: places.runtime, onProblem: warn });
  const table = startable(() => openProcesses({ epoll, cgroups, keeper, scratch: places.runtime }));
  if (!table.ok) return table;
  const processes = table.value;
  const note = processes.containmentNote;
  if (settings.containment === "cgroup" && note !== null)
    return err(`cannot start: the setting "containment" requires cgroups, which are not available: ${note}`);
  const logs = openLogs({
    runtimeDir: places.runtime,
    logDir: places.logs,
    epoll,
    keeper,
    clock,
    onProblem: warn,
    retention: { maxTotalBytes: settings.logs.maxTotalBytes, goneMs: settings.logs.retentionDays * DAY_MS },
    onDeleted: (deleted) => report("logs-deleted", deletedWords(deleted, settings.logs.retentionDays), null, { ...deleted }),
    onLoss(unit, loss) {
      const { type, message } = lossEvent(loss);
      report(type, message, unit, { ...loss });
    },
  });
  const usage = treeUsage(processes);
  const systemUnits = new SystemUnits(places, () => hasListener(SYSTEM_SOCKET));
  const close = (): void => {
    processes.close();
    keeper.close();
    store.close();
    inotify.close();
    epoll.close();
  };
  return ok({
    startedMs,
    clock,
    store,
    logs,
    source: openUnitSource(places.unitPath, { inotify, leavesAlone: (directory) => systemUnits.leavesAlone(directory) }),
    watchFiles: (watch) => watchFiles(watch, inotify),
    processes,
    prober: openProber({ processes, epoll, version }),
    notifier: openNotifier({ processes, epoll, version, scratch: places.runtime }),
    ...{ inotify, usage, hostUsage: hostUsage(places.logs) },
    processUsage: processUsage({ table: processes, trees: usage }),
    users: openUsers(),
    keeper,
    sockets: new SocketHolder(openSockets({ epoll, inotify }), keeper),
    notify: openSdNotify({ epoll, keeper, directory: `${places.runtime}/notify`, abstractName: notifyNames(invocations) }),
    ...terminalsOf(epoll, keeper, logs),
    stdins: new Stdins((name) => openStdinFifo(places.runtime, name)),
    systemUnits,
    bootId: bootId(),
    invocations,
    invocationOf: (id, run) => invocations.of(id, run),
    findShortage: findDescriptorShortage,
    findPortHolder,
    pathChecker: pathChecker(),
    close,
  });
}

function terminalsOf(epoll: Epoll, keeper: Keeper, logs: Machine["logs"]): Pick<Machine, "terminals" | "viewers"> {
  const terminals = openTerminals({ epoll, keeper, drainLog: (unit) => logs.drain(unit) });
  return { terminals, viewers: new TerminalViewers(terminals, logs) };
}

/** Returns a function that names the abstract notify socket of a unit. Other users cannot guess the name. */
const notifyNames =
  (invocations: Invocations) =>
  (unit: string): string =>
    `sup/${invocations.nameOf(`notify:${unit}`)}`;

/** Turns an exception into an error for the user, because a machine that cannot start processes is not a bug of sup. */
function startable<T>(open: () => T): Result<T, string> {
  try {
    return ok(open());
  } catch (error) {
    return err((error as Error).message);
  }
}

function cgroupsFor({ containment }: Settings, store: Pick<Machine["store"], "get" | "set">, key: string): Result<Cgroups, string> {
  if (containment === "processes") return err("switched off by the setting `containment`");
  const cgroups = openCgroups({ key: key.slice(0, 8), known: store.get("cgroup-root") });
  if (cgroups.ok) store.set("cgroup-root", cgroups.value.root);
  return cgroups;
}

import { accessSync, chmodSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { createApp, type AppOptions } from "../../api/server/server.ts";
import { EXIT } from "../../api/contract/errors.ts";
import { listen } from "../../api/server/listen.ts";
import { readOrMakeToken } from "../../api/server/token.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { SignalName } from "../../base/signals.ts";
import { takeEarlySignals } from "../../linux/self/early-signals.ts";
import { takeLock, type Lock } from "../../linux/self/lock.ts";
import { raisePriority } from "../../linux/self/priority.ts";
import { sendSdNotify } from "../../linux/io/sd-notify.ts";
import { findPortOwner } from "../../linux/io/tcp-listeners.ts";
import { isAlive, readStat } from "../../linux/proc/proc.ts";
import { collectGarbage, releaseStartupMemory } from "../../linux/self/release-memory.ts";
import { ignoreStraySignals, onSignals, resetSignalMask, scrubEnvironment } from "../../linux/self/signals.ts";
import { watchTerminal } from "../../linux/self/terminal.ts";
import { type Places, SYSTEM_SOCKET, SYSTEM_UNITS } from "../../spec/places.ts";
import type { LogSpec } from "../../spec/spec.ts";
import { formatProblem, problemLine } from "../../spec/parse/problems.ts";
import { loadSettings, type Settings } from "../../spec/schema/settings.ts";
import { compose, type ComposeOptions, type Parts } from "../compose/compose.ts";
import { ExitRequests } from "./exit-requests.ts";
import { readOptional } from "./files.ts";
import { handOver, receiveHandover, remember, whenQuiet, type Handover } from "./handover.ts";
import { ParentNotifier } from "./parent-notify.ts";
import { Housekeeping } from "../background/housekeeping.ts";
import { openDaemonLog, type DaemonLog } from "./daemon-log.ts";
import { watchFatal } from "./on-fatal.ts";
import { resume } from "./resume.ts";
import { guardRuntime } from "./runtime-guard.ts";
import { patienceMs, shutDown } from "./shutdown.ts";
import { GcPacer } from "../background/gc-pacer.ts";

export interface DaemonOptions {
  readonly places: Places;
  /** If true, the daemon's own log is also written to standard error. */
  readonly foreground: boolean;
  readonly version: string;
  /**
   * If true, the daemon changes its directory to `/`, so that the directory in which it was started can be removed. In that
   * case, no path may be relative.
   */
  readonly leavesDirectory?: boolean;
  /** Called when units are loaded and the API is available. Enabled units start after the returned promise has resolved. */
  readonly onReady?: (parts: Parts, info: shape.DaemonInfo) => void | Promise<void>;
  /** Returns the units to start at boot. The default is all enabled units. */
  readonly startAtBoot?: (parts: Parts) => string[];
  /** If true, SIGHUP ends the daemon instead of reloading the unit files. */
  readonly hangupEnds?: boolean;
  /** Called after the start of these units was requested. `end` ends the daemon with this exit code. */
  readonly onStarted?: (parts: Parts, end: (by: string, code: number) => void) => void;
}

type Unlisten = () => Promise<void>;

/** Runs the daemon until its exit is requested. Resolves with the exit code of the process, which is 0 after an orderly shutdown. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const handover = receiveHandover();
  const ready = prepare(options, handover);
  if (!ready.ok) {
    console.error(`sup: ${ready.error}`);
    return 1;
  }
  const { settings, daemonLog, lock } = ready.value;
  raisePriority();
  const exits = new ExitRequests(() => performance.now());
  let parts: Parts | null = null;
  const parentNotifier = new ParentNotifier({ env: process.env, pid: process.pid, send: sendSdNotify });
  const isTerminalGone = watchTerminal();
  const handlers = {
    SIGTERM: () => exits.end("SIGTERM"),
    SIGINT: () => exits.interrupt(),
    SIGHUP() {
      if (options.hangupEnds || isTerminalGone()) exits.end("SIGHUP: the terminal was closed");
      else parentNotifier.reload(() => parts !== null && reloadUnits(parts, daemonLog));
    },
    // `systemctl restart` sends this signal (docs/systemd.md).
    SIGUSR2: () => exits.leave("SIGUSR2"),
  };
  const offSignals = [onSignals(handlers), ignoreStraySignals(logStraySignals(daemonLog))];
  resetSignalMask();
  for (const signal of takeEarlySignals()) handlers[signal]();
  const shutdown = (leave: boolean): void => (leave ? exits.leave("the API") : exits.end("the API"));
  const requests = { shutdown, reexec: () => exits.reexec() };
  try {
    const started = await start(options, ready.value, requests, handover);
    if (!started.ok) {
      console.error(`sup: ${started.error}`);
      daemonLog.warn(started.error);
      return 1;
    }
    parts = started.value.parts;
    parentNotifier.ready(parts);
    watchFatal(parts, settings.onCriticalFatal, (by, code) => exits.end(by, code));
    options.onStarted?.(parts, (by, code) => exits.end(by, code));
    for (;;) {
      const what = await exits.next;
      await started.value.relieve(); // stopping the units needs descriptors
      if (what.kind === "leave") {
        parentNotifier.leaving();
        await leave(parts, started.value.unlisten, daemonLog, what.by);
        return EXIT.done;
      }
      if (what.kind === "end") {
        parentNotifier.stopping(patienceMs(parts.world));
        await end(parts, started.value.unlisten, daemonLog, what.by, exits.impatience);
        return what.code;
      }
      exits.renew();
      await replaceImage(parts, lock, options.version, daemonLog);
    }
  } finally {
    parentNotifier.close();
    for (const off of offSignals) off();
    lock.release();
  }
}

/** Reloads the unit files and the settings of notifications in the same way as `sup reload`, and logs the problems. */
function reloadUnits({ facade }: Parts, daemonLog: DaemonLog): void {
  const { problems } = facade.applyFiles(false, false);
  for (const problem of problems) if (problem.severity === "error") daemonLog.warn(`reload by SIGHUP: ${problemLine(problem)}`);
}

/** Minimum time between two log entries about the same signal, so that a loop of `kill` does not fill the disk. */
const STRAY_LOG_MS = 60_000;

function logStraySignals(daemonLog: DaemonLog): (name: SignalName) => void {
  const quietUntil = new Map<SignalName, number>();
  return (name) => {
    const now = performance.now();
    if (now < (quietUntil.get(name) ?? 0)) return;
    quietUntil.set(name, now + STRAY_LOG_MS);
    daemonLog.warn(`${name} received and ignored; SIGTERM stops the daemon and its units`);
  };
}

/** Delay before the re-exec, so that the response to the request is sent first. */
const ANSWER_MS = 50;

/** Replaces the image of this process. Returns only if that failed. */
async function replaceImage(parts: Parts, lock: Lock, version: string, daemonLog: DaemonLog): Promise<void> {
  await Bun.sleep(ANSWER_MS);
  await whenQuiet(parts);
  await parts.dispatcher.pause();
  daemonLog.info("re-executing");
  const error = handOver(parts, lock, version);
  daemonLog.warn(error);
  parts.recorder.tell("daemon-reexec-failed", error);
  parts.dispatcher.resume();
}

interface Prepared {
  readonly settings: Settings;
  readonly daemonLog: DaemonLog;
  readonly lock: Lock;
}

/** Prepares directories, settings and the lock, which can all fail, before the daemon touches any unit. */
function prepare({ places, foreground, leavesDirectory }: DaemonOptions, handover: Handover | null): Result<Prepared, string> {
  process.umask(0o077);
  if (leavesDirectory) process.chdir("/");
  const scrubbed = scrubEnvironment();
  const made = makeDirectories(places);
  if (!made.ok) return made;
  const settings = readSettings(places);
  if (!settings.ok) return settings;
  const lock = takeLockInTime(places.state, handover?.lockFd);
  if (!lock.ok) {
    const { error } = lock;
    if (error.kind === "failed") return err(`cannot lock ${places.state}/lock: error ${error.errno}`);
    const who = error.pid === null ? "another daemon" : `another daemon (pid ${error.pid})`;
    return err(
      `cannot start: ${who} owns ${places.state}. \`sup status\` talks to it, \`sup daemon stop\` ends it; with SUP_HOME=DIR there can be a second one`,
    );
  }
  const daemonLog = openDaemonLog(`${places.logs}/sup.log`, { echo: foreground, now: Date.now });
  if (scrubbed.length > 0) daemonLog.info(`removed from the environment: ${scrubbed.join(", ")}`);
  return ok({ settings: settings.value, daemonLog, lock: lock.value });
}

/** Time for which a daemon that was killed during a fork may still appear to hold the lock. */
const DEAD_MS = 2000;

/** Takes the lock. Retries for DEAD_MS, because a child of a killed daemon may briefly hold a copy of the lock's descriptor. */
function takeLockInTime(directory: string, inherited: number | undefined): ReturnType<typeof takeLock> {
  const deadline = performance.now() + DEAD_MS;
  for (;;) {
    const lock = takeLock(directory, inherited);
    const holder = lock.ok || lock.error.kind !== "held" || lock.error.pid === null ? undefined : readStat(lock.error.pid);
    const dead = holder === null || (holder !== undefined && !isAlive(holder));
    if (!dead || performance.now() >= deadline) return lock;
    Bun.sleepSync(10);
  }
}

function makeDirectories(places: Places): Result<null, string> {
  for (const directory of [places.state, places.logs, places.runtime]) {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      accessSync(directory, constants.W_OK | constants.X_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const hint =
        code === "EROFS"
          ? "Mount one there that can be written, or set SUP_HOME to one"
          : "Set SUP_HOME to a directory of your own to run without root";
      return err(`cannot use the directory ${directory}: ${code === "EROFS" ? "read-only file system" : (code ?? String(error))}. ${hint}`);
    }
  }
  makeUnitDirectory(places.unitPath[0]);
  try {
    chmodSync(places.runtime, 0o700);
  } catch {
    // The directory belongs to another user. The modes of the socket and the token protect these files.
  }
  return ok(null);
}

/** Creates the unit directory if it is missing. If that fails, the daemon runs without units from this directory. */
function makeUnitDirectory(path: string | undefined): void {
  if (path === undefined || existsSync(path)) return;
  try {
    const first = mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
    // /etc/sup was created here with the daemon's strict umask. Users' daemons also read units below it, so they need access.
    if (path === SYSTEM_UNITS && first === dirname(path)) chmodSync(first, 0o755);
  } catch {
    // The directory is read-only or belongs to another user. `sup status` shows the unit path.
  }
}

function readSettings(places: Places): Result<Settings, string> {
  const file = readOptional(places.settings);
  if (!file.ok) return err(`cannot read ${places.settings}: ${file.error}`);
  const { settings, problems } = loadSettings(file.value === null ? null : { path: places.settings, text: file.value });
  const errors = problems.filter((problem) => problem.severity === "error");
  if (errors.length === 0) return ok(settings);
  return err(`cannot start with these settings:\n${errors.map((problem) => formatProblem(problem, file.value ?? undefined)).join("\n")}`);
}

async function start(
  options: DaemonOptions,
  { settings, daemonLog, lock }: Prepared,
  requests: { readonly shutdown: (leave: boolean) => void; readonly reexec: () => void },
  handover: Handover | null,
): Promise<Result<{ parts: Parts; unlisten: Unlisten; relieve: () => Promise<void> }, string>> {
  const { places, version } = options;
  const startedAt = Date.now();
  let url: string | null = null;
  let containmentNote: string | null = null;
  const describeDaemon: ComposeOptions["describeDaemon"] = (notes, leftAlone) => ({
    version,
    pid: process.pid,
    start_time: new Date(startedAt).toISOString(),
    uptime_seconds: Math.round((Date.now() - startedAt) / 100) / 10,
    mode: places.mode,
    unit_path: [...places.unitPath],
    state_dir: places.state,
    log_dir: places.logs,
    socket: places.socket,
    url,
    containment: containmentNote === null ? "cgroup" : "processes",
    containment_note: containmentNote,
    notes: [...notes],
    left_alone: leftAlone.map(({ directory, units }) => ({ directory, units: [...units], owner: SYSTEM_SOCKET })),
  });
  const made = compose({ places, settings, version, daemonLog, describeDaemon, ...requests });
  if (!made.ok) return made;
  const parts = made.value;
  containmentNote = parts.processes.containmentNote;
  const token = readOrMakeToken(places.token);
  if (!token.ok) return err(token.error);
  const app = createApp(appOptions(parts, settings, daemonLog, version, token.value.token));
  const resumed = resume(parts, daemonLog, handover);
  parts.keeper.settle();
  const { enabled, host, port, auth } = settings.api;
  const tcp = enabled ? { host, port, auth } : null;
  const listening = await listen({ app, socketPath: places.socket, tcp, whoListens: findPortOwner });
  if (!listening.ok) return err(listening.error);
  url = listening.value.tcp?.url ?? null;
  parts.notes.push(...(token.value.note === null ? [] : [token.value.note]), ...listening.value.notes);
  for (const note of parts.notes) daemonLog.warn(note);
  const info = describeDaemon(parts.notes, parts.source.leftAlone());
  await options.onReady?.(parts, info);
  const began = `sup ${version} ${handover === null ? "started" : `re-executed (was ${handover.version})`}, pid ${process.pid}`;
  const event = handover === null ? "daemon-started" : "daemon-reexecuted";
  parts.recorder.tell(event, began, null, { pid: process.pid, adopted: resumed.adopted });
  daemonLog.info(`${began}, socket ${places.socket}${url === null ? "" : `, ${url}`}`);
  const boot = (options.startAtBoot?.(parts) ?? parts.world.ids().filter((id) => parts.reloader.startsByItself(id))).filter(
    (id) => !resumed.decided.has(id),
  );
  if (boot.length > 0) parts.engine.handle({ type: "request", action: "start", ids: boot, cause: "boot" });
  parts.background.start();
  parts.dispatcher.start();
  const stopWatching = parts.source.watch(() => parts.reloader.noticed());
  const stopTicking = tick(parts, settings);
  const guard = guardRuntime(parts, { listening: listening.value, lock, places, daemonLog });
  const unlisten = async (): Promise<void> => {
    stopWatching();
    stopTicking();
    guard.stop();
    await listening.value.stop();
  };
  return ok({ parts, unlisten, relieve: () => guard.check() });
}

const appOptions = ({ facade, store }: Parts, { api }: Settings, daemonLog: DaemonLog, version: string, token: string): AppOptions => ({
  supervisor: facade,
  version,
  token,
  settings: api,
  now: Date.now,
  onError: (error) => daemonLog.bug("a request failed inside sup", error),
  // The page is loaded at the first request of a browser, because most daemons never serve it.
  loadPage: async () => (await import("../compose/page.ts")).loadPage(),
  sessionMemory: { load: () => store.get("page-sessions"), save: (text) => store.set("page-sessions", text) },
});

/**
 * Maximum interval between two rounds of housekeeping, even if the sampling interval is longer. It keeps the store within its
 * size limit.
 */
const HOUSEKEEPING_MS = 60_000;

/** Starts the daemon's shared tick. Returns a function that stops it. */
function tick(parts: Parts, settings: Settings): () => void {
  const { clock, store, logs, world, catalog, background, reloader, recorder } = parts;
  const countUnits = (): number => world.ids().length;
  const onShortened = (words: string): void => recorder.tell("history-shortened", words);
  const specOf = (id: string): LogSpec | null | undefined =>
    world.get(id)?.spec.log ?? (catalog.problemsOf(id).length > 0 ? null : undefined);
  const tidying = { tidyLogs: () => logs.tidy(specOf), logsHaveGrown: () => logs.hasGrown };
  const housekeeping = new Housekeeping({ clock, store, settings, countUnits, ...tidying, onShortened });
  const gcPacer = new GcPacer();
  const { intervalMs } = settings.metrics;
  const between = intervalMs > HOUSEKEEPING_MS ? setInterval(() => housekeeping.tick(), HOUSEKEEPING_MS) : undefined;
  const ticking = setInterval(() => {
    logs.tick();
    background.tick();
    housekeeping.tick();
    reloader.letGo();
    const { user, system } = process.cpuUsage();
    const use = { heapBytes: process.memoryUsage().heapUsed, cpuMs: (user + system) / 1000 };
    const advice = gcPacer.read({ nowMs: clock.monotonicMs(), ...use });
    if (advice === "shrink") releaseStartupMemory();
    if (advice === "collect") gcPacer.collected(collectGarbage(), clock.monotonicMs());
  }, intervalMs);
  return () => {
    clearInterval(ticking);
    clearInterval(between);
  };
}

async function end(parts: Parts, unlisten: Unlisten, daemonLog: DaemonLog, why: string, impatience: Promise<void>): Promise<void> {
  daemonLog.info(`stopping, requested by ${why}`);
  parts.recorder.tell("daemon-stopping", `sup is stopping, requested by ${why}`);
  parts.background.close();
  const onImpatient = (ids: readonly string[]): void => {
    const message = `second Ctrl-C: SIGKILL sent to ${ids.join(", ") || "no unit, since none is left"}`;
    daemonLog.warn(message);
    parts.recorder.tell("daemon-stopping", message);
  };
  const stillUp = await shutDown(parts, impatience, onImpatient);
  for (const id of stillUp) daemonLog.warn(`${id} could not be stopped`);
  parts.logs.shutdown();
  // Log followers are called from the event loop. This turn of the loop delivers the last lines of the services to them.
  await new Promise(setImmediate);
  parts.recorder.tell("daemon-stopped", "sup has stopped; every unit is down");
  await parts.dispatcher.drain();
  parts.dispatcher.close();
  await unlisten();
  parts.invocations.forget();
  parts.close();
  daemonLog.info("stopped");
}

/** Exits without stopping the services; the next daemon adopts them. */
async function leave(parts: Parts, unlisten: Unlisten, daemonLog: DaemonLog, why: string): Promise<void> {
  daemonLog.info(`exiting, requested by ${why}; services keep running`);
  parts.background.close();
  await whenQuiet(parts);
  await parts.dispatcher.pause();
  parts.dispatcher.close();
  parts.recorder.tell("daemon-left", `sup has exited, requested by ${why}; services keep running until the next daemon adopts them`);
  remember(parts);
  await unlisten();
  parts.keeper.leave();
  parts.close();
}

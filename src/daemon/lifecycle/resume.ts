import { checkedInvocation } from "../../base/check-mark.ts";
import { countRestart } from "../../core/unit/restart-count.ts";
import { SIGNALS } from "../../base/signals.ts";
import { beginLiveCheck } from "../../core/unit/check.ts";
import { canRoll } from "../../core/service/rolling-policy.ts";
import { isDown, isLive } from "../../core/unit/phase.ts";
import { noProcess } from "../engine/main-process.ts";
import { preparationMs } from "../../core/unit/preparation.ts";
import { freshUnit, type Unit } from "../../core/unit/record.ts";
import { sendAgain } from "../../core/unit/stop-signal.ts";
import type { Fact, WorldEffect } from "../../core/world/world.ts";
import type { FoundRun, ProcessRef } from "../../ports/processes.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Parts } from "../compose/compose.ts";
import type { Handover } from "./handover.ts";
import { matchMissedLines } from "./missed-lines.ts";
import type { DaemonLog } from "./daemon-log.ts";
import { recallUnit, type Memory } from "../engine/unit-memory.ts";
import { parseJob } from "../../core/jobs/job.ts";
import { parseService } from "../../core/service/service-memory.ts";
import type { MemoryRow } from "../../ports/store/turns.ts";

export interface Resumed {
  readonly adopted: number;
  /**
   * Units whose state was stored by an earlier daemon since the last boot. The stored state decides whether they run, even if
   * a unit is disabled.
   */
  readonly decided: ReadonlySet<string>;
}

/**
 * Loads the units and continues where an earlier daemon of this boot was interrupted. Running processes are adopted if pid,
 * start time and boot id match. The restart policy applies to processes that have ended since then. Units that the operator
 * stopped stay stopped. An orderly shutdown leaves no stored state of units, and stored state of an earlier boot is ignored.
 */
export function resume(parts: Parts, daemonLog: DaemonLog, handover: Pick<Handover, "sockets" | "notify" | "terminals"> | null): Resumed {
  const sameBoot = isSameBoot(parts);
  const everything = parts.store.memories();
  const stored = sameBoot ? everything : [];
  recallServices(parts, everything, sameBoot);
  const memories = recallAll(stored);
  parts.reloader.loadAll(memories);
  keepReverted(parts, everything);
  // An instance that was started by hand has no file and is not enabled, so only its stored state shows that it exists.
  for (const id of memories.keys()) if (parts.world.get(id) === undefined) parts.reloader.makeInstance(id);
  const surplus = [...memories.keys()].filter((id) => parts.world.get(id) === undefined && parts.reloader.keepSurplus(id));
  for (const [id, memory] of memories) keepOldSpec(parts, id, memory);
  const wasKilled = parts.invocations.cutOff || memories.size > 0; // either the file or the store may be lost
  const found = wasKilled ? parts.processes.findRuns() : [];
  endChecks(parts, found);
  const { unwritten, lost } = sortRuns(parts, found, memories);
  recallLost(parts, lost, memories);
  // Sockets must be restored last. A unit that was just loaded is down, and units that are down release their sockets.
  parts.sockets.restore(handover?.sockets ?? {});
  parts.notify.restore(handover?.notify ?? {});
  parts.terminals.restore(handover?.terminals ?? {});
  let adopted = 0;
  const decided = new Set<string>();
  for (const [id, memory] of runningFirst(memories, parts)) {
    if (parts.world.get(id) === undefined) {
      noteOrphan(parts, id, memory.unit);
      continue;
    }
    if (!stoppedByShutdown(memory.unit)) decided.add(id);
    if (takeOver(parts, id, memory, unwritten.get(id))) adopted++;
    const { unit, spec } = parts.world.get(id)!;
    if (unit.want === "up" && !isDown(unit.phase) && !parts.sockets.has(spec.service)) parts.interpreter.holdSockets(id, unit, spec);
  }
  // The previous daemon was removing these units after a scale-down. The other units run until a reload, because only their
  // file has changed.
  const leaving = surplus.filter((id) => parts.world.get(id)!.unit.want === "down");
  for (const id of leaving) parts.catalog.drop(id);
  if (leaving.length > 0) parts.engine.handle(...leaving.map((id) => ({ type: "unload", id, cause: "operator" }) as const));
  recallJobs(parts, stored, sameBoot);
  if (adopted > 0) daemonLog.info(`adopted ${adopted} running units`);
  return { adopted, decided };
}

/**
 * Returns true if the unit should be down only because the previous daemon was shutting down. That daemon was killed before
 * all units were down, because container engines and systemd wait only for a limited time. Nobody requested a stop of the
 * unit itself, so it starts again as after an orderly shutdown.
 */
const stoppedByShutdown = ({ want, cause }: Unit): boolean => want === "down" && cause === "shutdown";

/**
 * Sorts the stored states so that units of services that may have several units come last if they are down. A service releases its
 * sockets when all its units are down. A unit that was not taken over yet looks as if it were down.
 */
function runningFirst(memories: ReadonlyMap<string, Memory>, { world }: Parts): Array<[string, Memory]> {
  const isLast = ([id, { unit }]: [string, Memory]): boolean => {
    const spec = world.get(id)?.spec;
    return isDown(unit.phase) && spec !== undefined && canRoll(spec);
  };
  const all = [...memories];
  return [...all.filter((one) => !isLast(one)), ...all.filter(isLast)];
}

/** Keeps definitions that were restored after failed rollouts. They stay in force until a reload, even after a boot. */
function keepReverted({ catalog, world, engine }: Parts, stored: readonly MemoryRow[]): void {
  for (const { kind, id: service } of stored) {
    if (kind !== "service" || catalog.rollable(service) === undefined) continue;
    for (const id of catalog.followRevert(service, world)) engine.handle({ type: "load", spec: catalog.get(id)!.spec });
  }
}

/**
 * Keeps the settings with which a unit was started. If its file has changed since its start, the unit is marked, and a reload
 * applies the change.
 */
function keepOldSpec({ catalog, engine }: Parts, id: string, { unit, inForce }: Memory): void {
  if (inForce === null || isDown(unit.phase)) return;
  const spec = catalog.hold(id, inForce);
  if (spec !== undefined) engine.handle({ type: "load", spec });
}

/** Adds a note about a process whose unit file was deleted. The daemon leaves the process alone, because it has no settings for it. */
function noteOrphan({ processes, notes }: Parts, id: string, { process: main }: Unit): void {
  if (main === null || processes.condition(main) === "gone") return;
  notes.push(orphanWords(id, main.pid));
}

const orphanWords = (id: string, pid: number): string =>
  `${id} still runs (pid ${pid}) without supervision: its unit file is missing or has errors. End the process, or fix the file, end the process and start the unit`;

/** Returns true if the stored state was written since the last boot. Its times and processes are valid only in that boot. */
function isSameBoot({ store, bootId }: Parts): boolean {
  const sameBoot = store.get("boot-id") === bootId;
  if (!sameBoot) store.set("boot-id", bootId);
  return sameBoot;
}

function recallAll(stored: readonly MemoryRow[]): Map<string, Memory> {
  const memories = new Map<string, Memory>();
  for (const { kind, id, memory } of stored) {
    const recalled = kind === "unit" ? recallUnit(id, memory) : null;
    if (recalled !== null) memories.set(id, recalled);
  }
  return memories;
}

/** Restores jobs of the previous daemon, so that clients can wait for them again. */
function recallJobs({ engine, store }: Parts, stored: readonly MemoryRow[], sameBoot: boolean): void {
  if (!sameBoot) {
    const old = store.memories().filter(({ kind }) => kind === "job");
    if (old.length > 0) store.record({ memories: old.map(({ kind, id }) => ({ kind, id, memory: null })) });
  }
  for (const { kind, id, memory } of stored) {
    const job = kind === "job" ? parseJob(id, memory) : null;
    if (job !== null) engine.handle({ type: "restoreJob", job });
  }
}

/**
 * Restores the stored state of services. Scaled numbers are restored even after a boot, because an operator chose them.
 * Rollouts and the history of automatic scaling are not restored after a boot.
 */
function recallServices({ engine }: Parts, stored: readonly MemoryRow[], sameBoot: boolean): void {
  for (const { kind, id, memory } of stored) {
    const known = kind === "service" ? parseService(memory) : null;
    if (known === null) continue;
    engine.handle({ type: "restoreService", service: id, memory: sameBoot ? known : { ...known, rollout: null, scaling: null } });
  }
}

/**
 * Ends the health check processes that were running when the previous daemon died. Nobody waits for their result any more,
 * and their timeout died with that daemon. Only daemons of this state directory can create the invocation ids in their marks.
 */
function endChecks({ processes, invocations }: Parts, found: readonly FoundRun[]): void {
  for (const { unit, invocation: mark, ref } of found) {
    const checked = checkedInvocation(mark);
    if (checked === null || invocations.runOf(unit, checked) === null) continue;
    const tree = { invocation: mark, main: ref };
    processes.killTree(tree);
    processes.whenEmpty(tree, () => {}); // removes its cgroup
  }
}

interface Run {
  readonly run: number;
  readonly ref: ProcessRef;
  readonly madeAtMs: number;
}

interface Found {
  readonly unwritten: ReadonlyMap<string, Run>;
  readonly lost: ReadonlyMap<string, Run>;
}

/**
 * Returns the found runs that the store does not fully describe. `unwritten` contains runs that were spawned just before the
 * daemon was killed. Such a run is later than the stored one, or it is the stored run without its pid, which may have been
 * stopped before its start was stored. In other phases without a main process, processes with the invocation id are hooks or leftovers, and the sweep ends them. `lost` contains
 * the runs of units whose stored state is missing because the store was damaged or deleted.
 */
function sortRuns({ world, invocations }: Parts, found: readonly FoundRun[], memories: ReadonlyMap<string, Memory>): Found {
  const [unwritten, lost] = [new Map<string, Run>(), new Map<string, Run>()];
  for (const { unit: id, invocation, ref, madeAtMs } of found) {
    const run = invocations.runOf(id, invocation);
    if (run === null) continue;
    const known = memories.get(id)?.unit;
    const into = known === undefined ? lost : unwritten;
    const mayBeFirst = known?.phase === "preparing" || (known?.phase === "stopping" && known.unsent != null);
    const isFirst = known?.phase === "starting" || (mayBeFirst && runsNoCommand(world.get(id)?.spec));
    const isLater = known === undefined || run > known.run || (run === known.run && known.process === null && isFirst);
    if (isLater && (into.get(id)?.run ?? 0) < run) into.set(id, { run, ref, madeAtMs });
  }
  return { unwritten, lost };
}

/**
 * Returns true if no command of a run is executed before its main process. Paths are checked by a process that does not
 * belong to the run.
 */
const runsNoCommand = (spec: Spec | undefined): boolean =>
  spec !== undefined && spec.preStart.length === 0 && spec.conditions.every(({ kind }) => kind !== "command");

/** Creates the state of a unit that has been ready since its process started. Its history and the operator's requests are lost. */
function memoryOf(id: string, { run, ref, madeAtMs }: Run, { type, check }: Spec, nowMs: number): Memory {
  const since = { sinceMs: madeAtMs, execAtMs: madeAtMs, readyAtMs: type === "oneshot" ? null : madeAtMs };
  const phase = type === "oneshot" ? "starting" : "running";
  const unit: Unit = { ...freshUnit(id), phase, want: "up", cause: "boot", reason: "boot", run, process: ref, ...since };
  return { unit, check: check === null ? null : beginLiveCheck(run, nowMs), inForce: null };
}

function recallLost({ world, reloader, notes, clock }: Parts, lost: Found["lost"], memories: Map<string, Memory>): void {
  for (const [id, run] of lost) {
    const known = world.get(id) !== undefined || reloader.makeInstance(id);
    if (known) memories.set(id, memoryOf(id, run, world.get(id)!.spec, clock.monotonicMs()));
    else notes.push(orphanWords(id, run.ref.pid));
  }
  const ids = [...lost.keys()].filter((id) => memories.has(id)).sort();
  if (ids.length > 0)
    notes.push(`the database had no record of ${ids.join(", ")}; found running and adopted. Manual enable and disable settings are lost`);
}

/** Restores one unit from its stored state. Returns true if a running process was adopted. */
function takeOver(parts: Parts, id: string, { unit, check }: Memory, unwritten: Run | undefined): boolean {
  const { world, engine, interpreter, logs, clock } = parts;
  const { spec } = world.get(id)!;
  const now = clock.monotonicMs();
  const signalled = sendAgain(unit, now);
  if (unwritten !== undefined && (unit.phase !== "preparing" || unwritten.run === unit.run)) {
    const stopping = unwritten.run === unit.run ? signalled : null; // the stop was requested while the process was being started
    const begun = stopping?.unit ?? asStarting(unit, unwritten.run, spec.startTimeoutMs === null ? null : now + spec.startTimeoutMs);
    engine.handle({ type: "restore", spec, unit: begun, check: null });
    logs.open(id, spec.log);
    if (interpreter.adopt(id, { ...begun, process: unwritten.ref }, spec) === "gone") return false;
    if (stopping !== null) interpreter.perform({ id, ...stopping.effect });
    sendFact(parts, id, { type: "spawned", run: begun.run, process: unwritten.ref });
    matchMissedLines(parts, world.get(id)!.unit, spec, unwritten.madeAtMs);
    return true;
  }
  const probed = check && { ...check, probing: false, dueMs: unit.process === null ? null : Math.max(check.dueMs ?? now, now) };
  const again = mayCheckAgain(parts, unit, spec);
  const due = { atMs: now + preparationMs(spec), why: "hook-timeout" } as const;
  engine.handle({ type: "restore", spec, unit: again ? { ...unit, due } : (signalled?.unit ?? unit), check: probed });
  if (!isLive(unit.phase)) return false;
  logs.open(id, spec.log);
  const outcome = interpreter.adopt(id, unit, spec);
  if (outcome === "adopted" && signalled !== null) interpreter.perform({ id, ...signalled.effect });
  if (outcome === "adopted" && unit.testedRestart?.state === "testing") interpreter.perform({ type: "testRestart", id, run: unit.run });
  if (again) {
    interpreter.perform({ type: "prepare", id, run: unit.run });
    return false;
  }
  if (outcome === "gone") for (const effect of leftovers(id, unit)) interpreter.perform(effect);
  for (const fact of missedFacts(unit, outcome)) sendFact(parts, id, fact);
  if (outcome !== "gone") matchMissedLines(parts, unit, spec, null);
  return outcome === "adopted";
}

/**
 * Returns true if the previous daemon was killed while it checked conditions. Conditions can be checked again. pre_start
 * commands are not repeated, because they may have done half of their work. Returns false if a process of the run may still
 * be alive.
 */
function mayCheckAgain({ processes, invocationOf, bootId }: Parts, { id, phase, run }: Unit, { preStart }: Spec): boolean {
  if (phase !== "preparing" || preStart.length > 0) return false;
  return processes.members({ invocation: invocationOf(id, run), main: noProcess(bootId) }).length === 0;
}

/** Returns the unit in the state that it had when it started the run with this number. */
const asStarting = (unit: Unit, run: number, dueMs: number | null): Unit => ({
  ...unit,
  phase: "starting",
  want: "up",
  run,
  process: null,
  unsent: null,
  ending: null,
  ...(run > unit.run && unit.run > 0 && countRestart(unit)),
  restarting: false,
  execAtMs: null,
  readyAtMs: null,
  succeeded: false,
  due: dueMs === null ? null : { atMs: dueMs, why: "start-timeout" },
});

const sendFact = ({ engine }: Parts, id: string, fact: Fact): void => engine.handle({ type: "fact", id, fact });

/** Returns the effects for a unit whose remaining processes the previous daemon was about to end. The sweep reports its own result. */
function leftovers(id: string, unit: Unit): WorldEffect[] {
  const { run } = unit;
  if (isSwept(unit)) return [{ type: "sweep", id, run, signal: SIGNALS.SIGKILL }];
  return unit.phase === "finishing" ? [{ type: "kill", id, run }] : [];
}

/** Returns true if only leftover processes may exist. The main process has then ended, and so has post_stop if it had begun. */
const isSwept = ({ phase, due }: Unit): boolean => phase === "cleaning" || (phase === "finishing" && due?.why !== "hook-timeout");

/** Returns the facts that the unit did not receive, because the previous daemon died while the unit was in its present phase. */
function missedFacts(unit: Unit, outcome: "adopted" | "ended" | "gone"): Fact[] {
  const { run, phase } = unit;
  const restarted = "sup was restarted meanwhile";
  const isInterrupted = phase === "reloading" && unit.reload?.delivered !== true; // otherwise READY=1 may still come
  if (outcome !== "gone") return isInterrupted ? [{ type: "reloaded", run, failure: restarted }] : [];
  switch (phase) {
    case "preparing":
      return [{ type: "prepared", run, failure: `pre_start: ${restarted}` }];
    case "cleaning":
      return []; // the sweep reports `swept`
    case "finishing":
      return isSwept(unit) ? [] : [{ type: "finished", run, failure: `post_stop: ${restarted}` }];
    default:
      return [{ type: "exited", run, exit: { kind: "lost" } }];
  }
}

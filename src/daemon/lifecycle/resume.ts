import { SIGNALS } from "../../base/signals.ts";
import { beginLiveCheck } from "../../core/unit/check.ts";
import { isDown, isLive } from "../../core/unit/phase.ts";
import { freshUnit, type Unit } from "../../core/unit/record.ts";
import type { Fact, WorldEffect } from "../../core/world/world.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Parts } from "../compose/compose.ts";
import type { Handover } from "./handover.ts";
import type { DaemonLog } from "./daemon-log.ts";
import { recallUnit, type Memory } from "../engine/unit-memory.ts";
import { parseJob } from "../../core/jobs/job.ts";
import type { MemoryRow } from "../../ports/store/turns.ts";

export interface Resumed {
  readonly adopted: number;
  /** Units whose fate an earlier daemon of this boot left in the store: they do not start "at boot". */
  readonly decided: ReadonlySet<string>;
}

/**
 * Loads the units, and takes over where a daemon of this boot was cut off: what ran is adopted (pid, start time and boot
 * id agree), what ended meanwhile goes to its policy, what the operator stopped stays stopped. An orderly end leaves no
 * memories; those of an earlier boot are worth nothing.
 */
export function resume(parts: Parts, daemonLog: DaemonLog, handover: Pick<Handover, "sockets" | "notify"> | null): Resumed {
  const sameBoot = isSameBoot(parts);
  const stored = sameBoot ? parts.store.memories() : [];
  const memories = recallAll(stored);
  parts.reloader.loadAll(memories);
  // An instance that was started by hand is in no file and not enabled: only the memory knows of it.
  for (const id of memories.keys()) if (parts.world.get(id) === undefined) parts.reloader.makeInstance(id);
  for (const [id, memory] of memories) keepInForce(parts, id, memory);
  const { unwritten, lost } = findRuns(parts, memories);
  recallLost(parts, lost, memories);
  // Not before: a unit that is only loaded is down, and what is down lets go of its sockets.
  parts.sockets.restore(handover?.sockets ?? {});
  parts.notify.restore(handover?.notify ?? {});
  let adopted = 0;
  const decided = new Set<string>();
  for (const [id, memory] of memories) {
    if (parts.world.get(id) === undefined) {
      noteStray(parts, id, memory.unit);
      continue;
    }
    if (!endedWithSup(memory.unit)) decided.add(id);
    if (takeOver(parts, id, memory, unwritten.get(id))) adopted++;
    const { unit, spec } = parts.world.get(id)!;
    if (unit.want === "up" && !isDown(unit.phase) && !parts.sockets.has(id)) parts.interpreter.holdSockets(id, unit, spec);
  }
  recallJobs(parts, stored, sameBoot);
  if (adopted > 0) daemonLog.info(`adopted ${adopted} running units`);
  return { adopted, decided };
}

/**
 * Its daemon was to end, stopped it or was about to, and was killed before all was down (a container engine, or systemd, waits
 * only so long): nobody wanted this unit stopped. It starts as after an orderly end.
 */
const endedWithSup = ({ want, cause }: Unit): boolean => want === "down" && cause === "shutdown";

/** A unit that is up goes on with what it was started with: a file that changed meanwhile is marked, and taken up by a reload. */
function keepInForce({ catalog, engine }: Parts, id: string, { unit, inForce }: Memory): void {
  if (inForce === null || isDown(unit.phase)) return;
  const spec = catalog.hold(id, inForce);
  if (spec !== undefined) engine.handle({ type: "load", spec });
}

/** What it should do is not known without its file: it is left alone, but not unsaid. */
function noteStray({ processes, notes }: Parts, id: string, { process: main }: Unit): void {
  if (main === null || processes.condition(main) === "gone") return;
  notes.push(strayWords(id, main.pid));
}

const strayWords = (id: string, pid: number): string =>
  `${id} still runs (pid ${pid}) without supervision: its unit file is gone or has errors. End it by hand, or put the file right, end it and start the unit`;

/** Times and processes in the memories mean something only within the boot in which they were written. */
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

/** Whoever waited for a job of the last daemon can ask for it again. */
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
 * Runs that were spawned in the moment before the daemon was cut off: a later one than is remembered, or this one without a pid.
 * In any other phase without a main process, what carries the invocation is a hook or was left behind: the sweep's business.
 * Of what is not remembered at all the memory was lost: a store that was damaged, or taken away.
 */
function findRuns({ processes, invocations }: Parts, memories: ReadonlyMap<string, Memory>): Found {
  const [unwritten, lost] = [new Map<string, Run>(), new Map<string, Run>()];
  const cutOff = invocations.cutOff || memories.size > 0; // either may be lost
  for (const { unit: id, invocation, ref, madeAtMs } of cutOff ? processes.findRuns() : []) {
    const run = invocations.runOf(id, invocation);
    if (run === null) continue;
    const known = memories.get(id)?.unit;
    const into = known === undefined ? lost : unwritten;
    const isLater = known === undefined || run > known.run || (run === known.run && known.process === null && known.phase === "starting");
    if (isLater && (into.get(id)?.run ?? 0) < run) into.set(id, { run, ref, madeAtMs });
  }
  return { unwritten, lost };
}

/** As if it had been running and well since then. What came before, and what the operator said of it, is gone. */
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
    else notes.push(strayWords(id, run.ref.pid));
  }
  const ids = [...lost.keys()].filter((id) => memories.has(id)).sort();
  if (ids.length > 0)
    notes.push(
      `the database knew nothing of ${ids.join(", ")}, found running and taken over; what was enabled or disabled by hand is forgotten`,
    );
}

/** True when a running process was adopted. */
function takeOver(parts: Parts, id: string, { unit, check }: Memory, unwritten: Run | undefined): boolean {
  const { world, engine, interpreter, logs, clock } = parts;
  const { spec } = world.get(id)!;
  const now = clock.monotonicMs();
  if (unwritten !== undefined && unit.phase !== "preparing") {
    const begun = asStarting(unit, unwritten.run, spec.startTimeoutMs === null ? null : now + spec.startTimeoutMs);
    engine.handle({ type: "restore", spec, unit: begun, check: null });
    logs.open(id, spec.log);
    if (interpreter.adopt(id, { ...begun, process: unwritten.ref }, spec) === "gone") return false;
    tell(parts, id, { type: "spawned", run: begun.run, process: unwritten.ref });
    return true;
  }
  const probed = check && { ...check, probing: false, dueMs: unit.process === null ? null : Math.max(check.dueMs ?? now, now) };
  engine.handle({ type: "restore", spec, unit, check: probed });
  if (!isLive(unit.phase)) return false;
  logs.open(id, spec.log);
  const outcome = interpreter.adopt(id, unit, spec);
  if (outcome === "gone") for (const effect of leftovers(id, unit)) interpreter.perform(effect);
  for (const fact of aftermath(unit, outcome)) tell(parts, id, fact);
  return outcome === "adopted";
}

/** The unit as it was when it executed that run. */
const asStarting = (unit: Unit, run: number, dueMs: number | null): Unit => ({
  ...unit,
  phase: "starting",
  want: "up",
  run,
  process: null,
  ending: null,
  restarts: unit.restarts + (run > unit.run && unit.run > 0 ? 1 : 0),
  restarting: false,
  execAtMs: null,
  readyAtMs: null,
  succeeded: false,
  due: dueMs === null ? null : { atMs: dueMs, why: "start-timeout" },
});

const tell = ({ engine }: Parts, id: string, fact: Fact): void => engine.handle({ type: "fact", id, fact });

/** What ends at once that the dead daemon was about to end: nobody would look after it. The sweep answers by itself. */
function leftovers(id: string, { run, phase }: Unit): WorldEffect[] {
  if (phase === "cleaning") return [{ type: "sweep", id, run, signal: SIGNALS.SIGKILL }];
  return phase === "finishing" ? [{ type: "kill", id, run }] : [];
}

/** What has to be told about a unit whose daemon died while the unit was in this phase. */
function aftermath({ run, phase }: Unit, outcome: "adopted" | "ended" | "gone"): Fact[] {
  const restarted = "sup was restarted meanwhile";
  if (outcome !== "gone") return phase === "reloading" ? [{ type: "reloaded", run, failure: restarted }] : [];
  switch (phase) {
    case "preparing":
      return [{ type: "prepared", run, failure: restarted }];
    case "cleaning":
      return []; // the sweep tells
    case "finishing":
      return [{ type: "finished", run, failure: restarted }];
    default:
      return [{ type: "exited", run, exit: { kind: "lost" } }];
  }
}

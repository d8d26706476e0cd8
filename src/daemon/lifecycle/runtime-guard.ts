import { mkdirSync } from "node:fs";
import { areDescriptorsExhausted } from "../../linux/self/descriptors.ts";
import type { Lock } from "../../linux/self/lock.ts";
import type { Listening } from "../../api/server/listen.ts";
import type { Parts } from "../compose/compose.ts";
import type { DaemonLog } from "./daemon-log.ts";

/**
 * Interval between checks. If a daemon holds the lock, commands that find no socket retry for two seconds, so this interval
 * is short enough.
 */
const CHECK_MS = 1000;

/**
 * Number of failed checks before the daemon acts. A second daemon that is being started holds a lock for a moment, until it
 * finds that this one runs.
 */
const FAILED_CHECKS = 3;

export interface RuntimeGuardOptions {
  readonly listening: Listening;
  readonly lock: Lock;
  readonly places: { readonly state: string; readonly runtime: string };
  readonly daemonLog: DaemonLog;
}

/**
 * Recreates files that the daemon needs at run time if they were deleted: the lock, the socket of the API, and the runtime
 * directory with its contents. For example, the end of a login session may remove `$XDG_RUNTIME_DIR`. FIFOs and sockets of
 * units are recreated at the next start of the unit. Also closes all connections when they use up the last file descriptors.
 */
export function guardRuntime(parts: GuardedParts, options: RuntimeGuardOptions): { check(): Promise<void>; stop(): void } {
  const { listening, daemonLog } = options;
  const checkLock = lockGuard(parts, options);
  const checkFiles = fileGuard(parts, options);
  const checkSocket = socketGuard(parts, options);
  let busy = false;
  const check = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      if (areDescriptorsExhausted()) {
        await listening.relieve();
        daemonLog.warn("all connections were closed: together they used up sup's file descriptors");
      }
      checkLock();
      await checkSocket(checkFiles());
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void check(), CHECK_MS);
  return { check, stop: () => clearInterval(timer) };
}

type GuardedParts = Pick<Parts, "invocations" | "keeper" | "logs" | "notes" | "recorder">;

function lockGuard({ notes, recorder }: GuardedParts, { lock, places, daemonLog }: RuntimeGuardOptions): () => void {
  const path = `${places.state}/lock`;
  let failures = 0;
  return () => {
    const outcome = lock.restore();
    if (outcome === "intact") return;
    if (outcome === "restored") {
      failures = 0;
      const message = `${path} was deleted; sup made it again and holds the lock`;
      recorder.tell("daemon-lock-restored", message);
      return daemonLog.warn(message);
    }
    if (++failures !== FAILED_CHECKS) return;
    const why = outcome.kind === "failed" ? `cannot make it again: error ${outcome.errno}` : takenBy(outcome.pid);
    const message = `${path} was deleted, and ${why}`;
    notes.push(message);
    recorder.tell("daemon-lock-lost", message);
    daemonLog.warn(message);
  };
}

const takenBy = (pid: number | null): string =>
  `another daemon ${pid === null ? "" : `(pid ${pid}) `}has locked a new one: two daemons run the same units. Stop one with \`kill PID\``;

/** Returns a function that returns why the files could not be recreated, or null. */
function fileGuard({ invocations, keeper, logs }: GuardedParts, { places, daemonLog }: RuntimeGuardOptions): () => string | null {
  let failure: string | null = null;
  return () => {
    let problem: string | null = null;
    try {
      mkdirSync(places.runtime, { recursive: true, mode: 0o700 });
      invocations.restoreFile();
      keeper.restoreFile();
      logs.restoreJournal();
    } catch (error) {
      problem = (error as Error).message;
    }
    if (problem !== null && problem !== failure)
      daemonLog.warn(`files in ${places.runtime} were deleted and cannot be made again: ${problem}`);
    return (failure = problem);
  };
}

function socketGuard({ recorder }: GuardedParts, { listening, daemonLog }: RuntimeGuardOptions): (problem: string | null) => Promise<void> {
  const socket = listening.unix.path;
  let failure: string | null = null;
  return async (fileProblem) => {
    if (listening.isBound()) return;
    const bound = fileProblem === null ? await listening.bindAgain() : { ok: false as const, error: fileProblem };
    const problem = bound.ok ? null : bound.error;
    if (problem === null) {
      recorder.tell("daemon-socket-restored", `${socket} was deleted; sup listens there again`);
      daemonLog.warn(`${socket} was deleted; sup listens there again`);
    } else if (problem !== failure) daemonLog.warn(`${socket} was deleted and cannot be made again: ${problem}`);
    failure = problem;
  };
}

import { mkdirSync } from "node:fs";
import type { Inotify } from "../../linux/io/inotify.ts";
import { areDescriptorsExhausted, hasPlentyOfDescriptors } from "../../linux/self/descriptors.ts";
import { LOCK_NAME, type Lock } from "../../linux/self/lock.ts";
import type { Listening } from "../../api/server/listen.ts";
import type { Parts } from "../compose/compose.ts";
import type { DaemonLog } from "./daemon-log.ts";

/**
 * Interval between checks without an event. These checks find what inotify does not report, for example a parent directory that was
 * renamed, and descriptors that are running out.
 */
const CHECK_MS = 5000;

/** Delay of a check after an event, so that one check restores a whole directory. */
const EVENT_MS = 50;

/**
 * Minimum interval between checks, and the interval while something cannot be restored or descriptors are scarce. If a daemon
 * holds the lock, commands that find no socket retry for two seconds, so this interval is short enough.
 */
const RETRY_MS = 1000;

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
export function guardRuntime(parts: GuardedParts, options: RuntimeGuardOptions): Pick<Checks, "check" | "stop"> {
  const { listening, daemonLog } = options;
  const checkLock = lockGuard(parts, options);
  const checkFiles = fileGuard(parts, options);
  const checkSocket = socketGuard(parts, options);
  const checks = new Checks(async () => {
    if (areDescriptorsExhausted()) {
      await listening.relieve();
      daemonLog.warn("all connections were closed: together they used up sup's file descriptors");
    }
    const hasLock = checkLock();
    const hasSocket = await checkSocket(checkFiles());
    return hasLock && hasSocket && hasPlentyOfDescriptors() && checks.watch(parts.inotify, options.places);
  });
  checks.watch(parts.inotify, options.places);
  return checks;
}

/** Runs a check at a fixed interval, after events in the watched directories, and soon again if its result is false. */
class Checks {
  readonly #run: () => Promise<boolean>;
  readonly #interval = setInterval(() => void this.check(), CHECK_MS);
  #soon: Timer | null = null;
  #unwatch: readonly (() => void)[] = [];
  #isBusy = false;
  #isStopped = false;
  #lastMs = -Infinity;

  constructor(run: () => Promise<boolean>) {
    this.#run = run;
  }

  async check(): Promise<void> {
    if (this.#isBusy) return this.#checkSoon(RETRY_MS);
    this.#isBusy = true;
    this.#lastMs = performance.now();
    let isWhole = false;
    try {
      isWhole = await this.#run();
    } finally {
      this.#isBusy = false;
      if (!isWhole) this.#checkSoon(RETRY_MS);
    }
  }

  /** Watches the directories that have these paths now. Returns false if that is impossible. */
  watch(inotify: Pick<Inotify, "watch">, { state, runtime }: RuntimeGuardOptions["places"]): boolean {
    const earlier = this.#unwatch;
    const watches = [
      inotify.watch(state, "names", (name) => (name === null || name === LOCK_NAME) && this.#checkSoon(EVENT_MS)),
      inotify.watch(runtime, "names", () => this.#checkSoon(EVENT_MS)),
    ];
    this.#unwatch = watches.flatMap((watch) => (watch.ok ? [watch.value] : []));
    for (const stop of earlier) stop();
    return this.#unwatch.length === watches.length;
  }

  #checkSoon(delayMs: number): void {
    if (this.#isStopped || this.#soon !== null) return;
    const waitMs = Math.max(delayMs, this.#lastMs + RETRY_MS - performance.now());
    this.#soon = setTimeout(() => {
      this.#soon = null;
      void this.check();
    }, waitMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#interval);
    if (this.#soon !== null) clearTimeout(this.#soon);
    for (const stop of this.#unwatch) stop();
  }
}

type GuardedParts = Pick<Parts, "inotify" | "invocations" | "keeper" | "logs" | "notes" | "recorder">;

/** Returns a function that returns false if this daemon does not hold the lock. */
function lockGuard({ notes, recorder }: GuardedParts, { lock, places, daemonLog }: RuntimeGuardOptions): () => boolean {
  const path = `${places.state}/${LOCK_NAME}`;
  let failures = 0;
  return () => {
    const outcome = lock.restore();
    if (outcome === "intact") return true;
    if (outcome === "restored") {
      failures = 0;
      const message = `${path} was deleted; sup made it again and holds the lock`;
      recorder.tell("daemon-lock-restored", message);
      daemonLog.warn(message);
      return true;
    }
    if (++failures !== FAILED_CHECKS) return false;
    const why = outcome.kind === "failed" ? `cannot make it again: error ${outcome.errno}` : takenBy(outcome.pid);
    const message = `${path} was deleted, and ${why}`;
    notes.push(message);
    recorder.tell("daemon-lock-lost", message);
    daemonLog.warn(message);
    return false;
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

/** Returns a function that returns false if the socket or a file cannot be made again. */
function socketGuard(
  { recorder }: GuardedParts,
  { listening, daemonLog }: RuntimeGuardOptions,
): (problem: string | null) => Promise<boolean> {
  const socket = listening.unix.path;
  let failure: string | null = null;
  return async (fileProblem) => {
    if (listening.isBound()) return fileProblem === null;
    const bound = fileProblem === null ? await listening.bindAgain() : { ok: false as const, error: fileProblem };
    const problem = bound.ok ? null : bound.error;
    if (problem === null) {
      recorder.tell("daemon-socket-restored", `${socket} was deleted; sup listens there again`);
      daemonLog.warn(`${socket} was deleted; sup listens there again`);
    } else if (problem !== failure) daemonLog.warn(`${socket} was deleted and cannot be made again: ${problem}`);
    failure = problem;
    return problem === null;
  };
}

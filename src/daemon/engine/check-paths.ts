import { describeExit } from "../../base/exit.ts";
import { formatDuration } from "../../base/duration.ts";
import { PATH_CHECK_MS } from "../../core/unit/preparation.ts";
import type { PathCondition, Spec } from "../../spec/spec.ts";
import type { Processes, ProcessRef, SpawnRequest } from "../../ports/processes.ts";
import { DEFAULT_PATH, spawnFailure, type Launcher } from "./launcher.ts";

export interface PathCheckOptions {
  readonly processes: Processes;
  readonly launcher: Launcher;
  /** The command that checks paths (linux/self/path-check.ts), without its arguments. */
  readonly pathChecker: readonly string[];
}

/**
 * Checks the paths of a unit's conditions in a separate process, because an unresponsive file system must not block the
 * daemon. The process has the rights of the daemon and does not belong to the run. Calls back with the reason why the check
 * failed, with the first condition that is not met, or with neither if all conditions are met. Returns a function that ends
 * the check with a failure.
 */
export function checkPaths(
  { launcher, processes, pathChecker }: PathCheckOptions,
  spec: Spec,
  answer: (failure: string | null, unmet: PathCondition | null) => void,
): (failure: string) => void {
  const paths = launcher.pathConditions(spec);
  const conditions = paths.ok ? paths.value : [];
  if (conditions.length === 0) {
    answer(paths.ok ? null : paths.error, null);
    return () => undefined;
  }
  const invocation = `check-${crypto.randomUUID()}`;
  let ref: ProcessRef | null = null;
  let isAnswered = false;
  const finish = (failure: string | null, unmet: PathCondition | null): void => {
    if (isAnswered) return;
    isAnswered = true;
    clearTimeout(timer);
    answer(failure, unmet);
  };
  const start = processes.spawn(
    checkRequest(pathChecker, conditions, invocation),
    (result) => {
      if (result.ok) ref = result.ref;
      else finish(spawnFailure(result).message, null);
    },
    (exit) => {
      const unmet = exit.kind === "code" ? conditions[exit.code - 1] : undefined;
      if (unmet !== undefined) finish(null, unmet);
      else finish(exit.kind === "code" && exit.code === 0 ? null : describeExit(exit), null);
    },
  );
  // If the process hangs in the kernel, SIGKILL does not end it. Therefore the result does not wait for the end of the process.
  const cancel = (failure: string): void => {
    if (isAnswered) return;
    finish(failure, null);
    if (ref === null) start.abort();
    else processes.killTree({ invocation, main: ref });
  };
  const words = `the file system did not answer within ${formatDuration(PATH_CHECK_MS)}: ${conditions.map(({ path }) => path).join(", ")}`;
  const timer = setTimeout(() => cancel(words), PATH_CHECK_MS);
  return cancel;
}

const checkRequest = (pathChecker: readonly string[], conditions: readonly PathCondition[], invocation: string): SpawnRequest => ({
  argv: [...pathChecker, ...conditions.flatMap(({ kind, not, path }) => [not ? `!${kind}` : kind, path])],
  env: { PATH: DEFAULT_PATH, SUP_INVOCATION_ID: invocation },
  cwd: "/",
  identity: { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} },
  fds: [null, null, null],
});

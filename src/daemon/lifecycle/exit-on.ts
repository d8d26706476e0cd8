import { EXIT } from "../../api/contract/errors.ts";
import { exitNumber } from "../../base/exit.ts";
import type { Unit } from "../../core/unit/record.ts";
import type { Parts } from "../compose/compose.ts";

/** The event after which `sup up` ends: the given unit has ended, a unit has failed and will not be restarted, or all units have ended. */
export type ExitOn = { readonly unit: string } | "failure" | "all-done";

/**
 * Calls `end` once, when the event happens, with the exit code of the unit that ended. A unit has ended if it will not be
 * started again automatically, so a crash that is followed by a retry does not count. For `all-done`, the exit code is that
 * of the first unit that failed, or else 0. A unit file that cannot be loaded counts as a failed unit.
 */
export function watchExits(
  { world, engine, catalog }: Pick<Parts, "world" | "engine" | "catalog">,
  exitOn: ExitOn,
  started: readonly string[],
  end: (by: string, code: number) => void,
): void {
  const unitOf = (id: string): Unit | undefined => world.get(id)?.unit;
  if (typeof exitOn === "object" && !started.includes(exitOn.unit)) {
    const cause = unitOf(exitOn.unit) === undefined ? "there is no such unit" : "it is disabled or scheduled";
    return end(`--exit-on ${exitOn.unit}: ${cause}`, EXIT.noSuchUnit);
  }
  const isBroken = catalog.problems().some(({ severity }) => severity === "error");
  if (isBroken && exitOn === "failure") return end("--exit-on failure: a unit file could not be loaded", EXIT.failed);
  let failed: string | null = null;
  const find = (): string | null | undefined => {
    failed ??= started.find((id) => hasFailed(unitOf(id))) ?? null;
    if (exitOn === "failure") return failed ?? undefined;
    if (exitOn === "all-done") return started.every((id) => hasEnded(unitOf(id))) ? failed : undefined;
    return hasEnded(unitOf(exitOn.unit)) ? exitOn.unit : undefined;
  };
  const check = (): void => {
    const id = find();
    if (id === undefined) return;
    unwatch();
    if (id === null) end("--exit-on all-done: every unit has ended", isBroken ? EXIT.failed : EXIT.done);
    else end(`--exit-on: ${id} ${hasFailed(unitOf(id)) ? "failed" : "ended"}`, codeOf(unitOf(id)));
  };
  const unwatch = engine.watch(check);
  check();
}

const hasFailed = (unit: Unit | undefined): boolean => unit?.phase === "failed" || unit?.phase === "fatal";

/** Returns true if the unit has ended or was unloaded. A unit that waits for its first start, or for the end of a back-off, has not ended. */
const hasEnded = (unit: Unit | undefined): boolean =>
  unit === undefined || hasFailed(unit) || unit.phase === "exited" || (unit.phase === "idle" && unit.want === "down");

/**
 * Returns the exit code of the last run. The result is 1 for a failure without an exit code, such as a failed exec, a timeout
 * or a failed health check.
 */
export function codeOf(unit: Unit | undefined): number {
  const exit = unit?.last?.exit;
  const code = exit == null ? null : exitNumber(exit);
  return hasFailed(unit) ? code || EXIT.failed : (code ?? EXIT.done);
}

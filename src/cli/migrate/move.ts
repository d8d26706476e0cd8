import type { Action, Status } from "../../api/contract/shapes.ts";
import type { ImportedUnit } from "../../convert/import/types.ts";
import type { Context } from "../context.ts";
import { exists } from "../files/masks.ts";
import { writeUnits } from "../files/write-units.ts";
import { rowsOf, type Step } from "./plan.ts";
import type { Supervisor } from "./supervisor.ts";
import type { UnfinishedFile } from "./unfinished.ts";

export interface Migration {
  readonly context: Context;
  readonly supervisor: Supervisor;
  readonly directory: string;
  readonly unfinished: UnfinishedFile;
}

/**
 * How a step ended. `put-back` means that the program runs in the other supervisor again. `failed` means that the operator
 * must act now.
 */
export interface StepResult {
  readonly result: "moved" | "imported" | "unchanged" | "put-back" | "failed";
  readonly message: string;
}

/**
 * Writes the unit files of a step, except those that already exist. The units are disabled, so that a running daemon does not
 * start them. Returns an error or null.
 */
export async function importStep({ context, supervisor, directory }: Migration, step: Step): Promise<string | null> {
  const missing = step.targets.filter(({ file }) => !exists(file));
  const disabled = missing.map((target) => ({ ...target, unit: asDisabled(target.unit) }));
  try {
    writeUnits(disabled, supervisor.imported, directory, context.host);
  } catch (error) {
    return `cannot write the unit files: ${(error as Error).message}`;
  }
  return untilLoaded(context, step);
}

function asDisabled(unit: ImportedUnit): ImportedUnit {
  const note = "`sup migrate` enables this unit (`sup enable`) when it runs; `sup list` shows whether it is enabled";
  const notes = unit.json.enabled === true ? [...unit.notes, note] : unit.notes;
  return { ...unit, json: { ...unit.json, enabled: false }, notes };
}

/** Moves one program. Two copies of the program never run at the same time. */
export async function moveStep(migration: Migration, step: Step): Promise<StepResult> {
  const { context, supervisor, unfinished } = migration;
  const unloaded = await importStep(migration, step);
  if (unloaded !== null) return { result: "unchanged", message: unloaded };
  const units = unitsToStart(step);
  unfinished.write({ program: step.name, targets: step.processes.map(({ target }) => target) });
  const survives = await stopThere(migration, step);
  if (survives !== null) return startThere(migration, step, survives);
  const failure = (await act(context, "start", units)) ?? (await staysUp(context, units));
  if (failure !== null) {
    const stuck = await act(context, "stop", units);
    if (stuck === null) return startThere(migration, step, failure);
    return {
      result: "failed",
      message: `${failure}; it cannot be stopped here (${stuck}), so it was not started in ${supervisor.kind} again`,
    };
  }
  const enabled = units.filter(({ json }) => json.enabled === true);
  const notEnabled = enabled.length === 0 ? null : await act(context, "enable", enabled);
  unfinished.remove();
  if (notEnabled !== null) return { result: "failed", message: `it runs in sup, but cannot be enabled: ${notEnabled}` };
  const others = step.targets.flatMap(({ unit }) => (units.includes(unit) ? [] : [unit.name]));
  const rest = others.length === 0 ? "" : `; not started, because it did not run in ${supervisor.kind}: ${others.join(", ")}`;
  return { result: "moved", message: `runs in sup as ${units.map(({ name }) => name).join(", ")}${rest}` };
}

/** Returns the units whose processes ran in the other supervisor. The remaining units are not started. */
function unitsToStart({ targets, processes }: Step): ImportedUnit[] {
  const names = new Set(processes.map(({ name }) => name));
  return targets.map(({ unit }) => unit).filter((unit) => unit.processes.some((name) => names.has(name)));
}

const POLL_MS = 200;
const LOAD_MS = 20_000;

/** Polls until the condition returns a value other than undefined, or until the time is over. */
async function poll<T>({ host }: Pick<Context, "host">, ms: number, condition: () => Promise<T | undefined>): Promise<T | undefined> {
  // The number of attempts is limited too, because the condition may take long: it may start a program.
  const endMs = performance.now() + ms;
  for (let left = ms; ; left -= POLL_MS) {
    const value = await condition();
    if (value !== undefined || left <= 0 || performance.now() >= endMs) return value;
    await host.sleep(POLL_MS);
  }
}

/** Waits until the daemon has loaded the unit files. Returns null, or why the daemon has not loaded them. */
async function untilLoaded(context: Context, { targets }: Step): Promise<string | null> {
  const names = targets.map(({ unit }) => unit.name);
  const outcome = await poll(context, LOAD_MS, async () => {
    const answer = await context.client.call("status");
    if (!answer.ok) return answer.error.message;
    const broken = answer.value.broken?.find(({ id }) => names.includes(id));
    if (broken !== undefined) return `${broken.file} has errors: ${broken.problems[0] ?? ""}`;
    return names.every((name) => rowsOf(answer.value, name).length > 0) ? null : undefined;
  });
  return outcome === undefined ? "the daemon has not loaded the unit files; see `sup verify`" : outcome;
}

const STOP_MS = 5000;

/** Stops the program in the other supervisor and makes sure that none of its processes is left. Returns an error or null. */
async function stopThere({ context, supervisor }: Migration, step: Step): Promise<string | null> {
  const targets = step.processes.map(({ target }) => target);
  const running = step.processes.filter(({ isRunning }) => isRunning);
  const complaint = running.length === 0 ? null : await supervisor.stop(targets);
  const groups = step.processes.flatMap(({ processGroup }) => processGroup ?? []);
  let left = "";
  const isDown = await poll(context, STOP_MS, async () => {
    const listed = await supervisor.list();
    if (!listed.ok) left = listed.error.message;
    else {
      const program = listed.value.find(({ name }) => name === step.name);
      const up = program?.processes.find(({ target, state }) => targets.includes(target) && !DOWN.has(state));
      if (up !== undefined) left = `${up.name} is ${up.state}${complaint === null ? "" : `: ${complaint}`}`;
      else {
        const survivors = await survivorsOf(context, groups);
        if (survivors === "") return true;
        const hint = supervisor.kind === "supervisord" ? "; with stopasgroup=true and killasgroup=true, supervisord stops them too" : "";
        left = `processes of the process group ${survivors} still run${hint}`;
      }
    }
    return undefined;
  });
  return isDown === true ? null : `it does not stop in ${supervisor.kind}: ${left}`;
}

/** The states, in the words of supervisord and PM2, of a process that does not run. */
const DOWN: ReadonlySet<string> = new Set(["STOPPED", "EXITED", "FATAL", "stopped", "errored"]);

/** Returns the process groups in which a process still runs. */
async function survivorsOf({ host }: Context, groups: readonly number[]): Promise<string> {
  if (groups.length === 0) return "";
  const script = 'for group; do kill -0 "-$group" 2>/dev/null && echo "$group"; done; :';
  return (await host.ask(["sh", "-c", script, "sh", ...groups.map(String)], host.env)).stdout.split("\n").join(", ");
}

/** Starts the program in the other supervisor again. */
async function startThere({ supervisor, unfinished }: Migration, step: Step, failure: string): Promise<StepResult> {
  const complaint = await supervisor.start(step.processes.map(({ target }) => target));
  const listed = await supervisor.list();
  const program = listed.ok ? listed.value.find(({ name }) => name === step.name) : undefined;
  const isUp = step.processes.every(({ target }) => program?.processes.some((each) => each.target === target && each.isRunning));
  if (!isUp)
    return {
      result: "failed",
      message: `${failure}; and it does not start in ${supervisor.kind} again: ${complaint ?? "it does not run"}`,
    };
  unfinished.remove();
  return { result: "put-back", message: `${failure}; it runs in ${supervisor.kind} again` };
}

/** Runs an action on units and waits until it has ended. Returns why the action failed, or null. */
async function act({ client }: Context, action: Action, units: readonly ImportedUnit[]): Promise<string | null> {
  const begun = await client.call("jobs", { action, units: units.map(({ name }) => name), wait: false });
  if (!begun.ok) return begun.error.message;
  const isPending = begun.value.job !== undefined && begun.value.outcomes.some(({ result }) => result === "pending");
  const ended = isPending ? await client.outcome(begun.value.job!) : begun;
  if (!ended.ok) return ended.error.message;
  const failed = [...begun.value.outcomes, ...ended.value.outcomes].find(({ result }) => result === "failed");
  return failed === undefined ? null : `${failed.id}: ${failed.message || failed.state}`;
}

const SETTLE_S = 5;
const MAX_SETTLE_S = 60;

/** Watches running units for some seconds. Returns null if they stay up and none is unhealthy. Otherwise returns what happened. */
async function staysUp(context: Context, units: readonly ImportedUnit[]): Promise<string | null> {
  const seconds = Math.max(...units.map(uptimeOf), context.options.settle ?? SETTLE_S);
  let first: ReadonlyMap<string, string | null> | null = null;
  const trouble = await poll(context, seconds * 1000, async () => {
    const answer = await context.client.call("status");
    if (!answer.ok) return answer.error.message;
    const runs = runsOf(answer.value, units);
    first ??= runs;
    return troubleOf(answer.value, units, first);
  });
  return trouble ?? null;
}

/** Returns how long a program must run to count as up. supervisord calls this time `startsecs`, and PM2 calls it `min_uptime`. */
function uptimeOf({ json }: ImportedUnit): number {
  const seconds = (json.restart_policy as { reset_after?: number } | undefined)?.reset_after;
  return Math.min(typeof seconds === "number" ? seconds : 0, MAX_SETTLE_S);
}

const runsOf = (status: Status, units: readonly ImportedUnit[]): ReadonlyMap<string, string | null> =>
  new Map(units.flatMap(({ name }) => rowsOf(status, name)).map(({ id, invocation }) => [id, invocation]));

function troubleOf(status: Status, units: readonly ImportedUnit[], first: ReadonlyMap<string, string | null>): string | undefined {
  for (const row of units.flatMap(({ name }) => rowsOf(status, name))) {
    const how = row.last_exit === null ? "" : ` (${row.last_exit})`;
    if (row.state !== "running") return `${row.id} does not stay up: it is ${row.state}${how}`;
    if (row.invocation !== first.get(row.id)) return `${row.id} does not stay up: it was restarted${how}`;
    if (row.health === "unhealthy") return `${row.id} is unhealthy`;
  }
  return undefined;
}

import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { Status } from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { importStep, moveStep, type Migration, type StepResult } from "../migrate/move.ts";
import { makePlan, type Step } from "../migrate/plan.ts";
import { findPm2 } from "../migrate/pm2.ts";
import type { Supervisor } from "../migrate/supervisor.ts";
import { findSupervisord } from "../migrate/supervisord.ts";
import { UnfinishedFile } from "../migrate/unfinished.ts";
import { describePlan, describeResult } from "../render/migrate.ts";
import { safe } from "../render/safe.ts";

export const run: Run = async (context) => {
  const { options, host, args } = context;
  if (options.url ?? host.env.SUP_URL)
    return context.fail({ code: "bad-request", message: "cannot migrate to sup on another machine: --url and SUP_URL are not allowed" });
  if (options.config !== undefined && args[0] !== "supervisord")
    return context.fail({ code: "bad-request", message: "--config is only for supervisord", hint: "PM2_HOME selects the PM2" });
  const found = await (args[0] === "pm2" ? findPm2(context) : findSupervisord(context));
  if (!found.ok) return context.fail(found.error);
  const supervisor = found.value;
  const answer = await context.client.call("status");
  if (!answer.ok && answer.error.code !== "unreachable") return context.fail(answer.error);
  const status = answer.ok ? answer.value : null;
  const migration = migrationOf(context, supervisor, status);
  const planned = await planOf(migration, status);
  if (!planned.ok) return context.fail(planned.error);
  const steps = planned.value;
  if (!options.json) for (const line of describePlan(steps, supervisor.imported, context.paint)) context.out(line);
  const mayAct = await confirms(context, steps);
  if (!mayAct) return reportPlan(migration, steps, status);
  if (status === null) return context.fail((answer as { error: ApiError }).error);
  return carryOut(migration, steps);
};

function migrationOf(context: Context, supervisor: Supervisor, status: Status | null): Migration {
  const { places } = context;
  const directory = status?.daemon.unit_path[0] ?? places.unitPath[0]!;
  const unfinished = new UnfinishedFile(status?.daemon.state_dir ?? places.state, supervisor.kind);
  return { context, supervisor, directory, unfinished };
}

async function planOf({ context, supervisor, directory, unfinished }: Migration, status: Status | null): Promise<Result<Step[], ApiError>> {
  const listed = await supervisor.list();
  if (!listed.ok) return listed;
  const all = makePlan({ supervisor, programs: listed.value, status, directory, unfinished: unfinished.read() });
  const { only } = context.options;
  const unknown = only?.find((name) => !all.some((step) => step.name === name));
  if (unknown === undefined) return ok(only === undefined ? all : all.filter(({ name }) => only.includes(name)));
  const names = all.map(({ name }) => name).join(", ");
  return err({ code: "bad-request", message: `${supervisor.kind} has no program ${unknown}`, hint: `there are ${names || "none"}` });
}

/** Returns true if the migration may act: with --yes, or if the operator presses `y` on the terminal. */
async function confirms({ options, host, out }: Context, steps: readonly Step[]): Promise<boolean> {
  const count = steps.filter(isToDo).length;
  if (options.dryRun || count === 0) return false;
  if (options.yes) return true;
  if (options.json || !host.isTerminal(0) || !host.isTerminal(1)) return false;
  out(`\n${count === 1 ? "Carry out this step" : `Carry out these ${count} steps`}? Press y to go on, any other key to stop.`);
  const { promise, resolve } = Promise.withResolvers<string>();
  const end = host.keys(resolve);
  try {
    return (await promise).toLowerCase() === "y";
  } finally {
    end();
  }
}

const isToDo = ({ decision }: Step): boolean => decision === "move" || decision === "import";

function reportPlan(migration: Migration, steps: readonly Step[], status: Status | null): number {
  const { context, supervisor } = migration;
  const { options, out, json, args } = context;
  const leftovers = leftoversOf(migration, steps, null);
  if (options.json) json({ ...shapeOf(supervisor, steps, new Map()), dry_run: true, remains: leftovers });
  else {
    if (steps.length === 0) out(`${supervisor.kind} has no programs.`);
    if (steps.some(isToDo)) out(`\nNothing was changed. To carry this out: sup migrate ${args[0]} --yes`);
    if (steps.some(isToDo) && status === null) out("It needs a running daemon: sup daemon start, or sup install-service");
    printLeftovers(context, leftovers);
  }
  return steps.some(({ decision }) => decision === "blocked") ? EXIT.failed : EXIT.done;
}

/** Takes the steps one after the other. Ctrl-C ends the migration after the current step. */
async function carryOut(migration: Migration, steps: readonly Step[]): Promise<number> {
  const { context, supervisor } = migration;
  const { host, options, out, note, json, paint } = context;
  const results = new Map<string, StepResult>();
  let current = "";
  let isInterrupted = false;
  // If this process ended in the middle of a step, the program could be stopped in both supervisors.
  await host.outliveReaders((lines) => `sup: ${lines} lines were not shown, because the reader of this output is too slow`);
  const off = host.ending(() => {
    isInterrupted = true;
    note(`sup: finishing ${safe(current)} before the migration ends`);
  });
  if (!options.json) out("");
  try {
    for (const planned of steps.filter(isToDo)) {
      if (isInterrupted) break;
      current = planned.name;
      const result = await takeStep(migration, planned);
      results.set(current, result);
      if (!options.json) out(describeResult(current, result, paint));
    }
  } finally {
    off();
  }
  const leftovers = leftoversOf(migration, steps, results);
  const isWhole = !isInterrupted && [...results.values()].every(({ result }) => result === "moved" || result === "imported");
  if (options.json) json({ ...shapeOf(supervisor, steps, results), dry_run: false, interrupted: isInterrupted, remains: leftovers });
  else {
    if (isInterrupted) out(`\nInterrupted. To continue: sup migrate ${supervisor.kind} --yes`);
    printLeftovers(context, leftovers);
  }
  await host.finishOutput();
  return isWhole && !steps.some(({ decision }) => decision === "blocked") ? EXIT.done : EXIT.failed;
}

/** Plans the step again, because the program may have ended or started since the first plan. */
async function takeStep(migration: Migration, planned: Step): Promise<StepResult> {
  const answer = await migration.context.client.call("status");
  if (!answer.ok) return { result: "unchanged", message: answer.error.message };
  const again = await planOf(migration, answer.value);
  if (!again.ok) return { result: "unchanged", message: again.error.message };
  const step = again.value.find(({ name }) => name === planned.name);
  if (step?.decision === "move") return moveStep(migration, step);
  if (step?.decision !== "import") return { result: "unchanged", message: step?.why ?? `${migration.supervisor.kind} has it no more` };
  const failure = await importStep(migration, step);
  if (failure !== null) return { result: "unchanged", message: failure };
  return { result: "imported", message: `${step.why}; the unit is disabled and was not started` };
}

function shapeOf({ kind, imported }: Supervisor, steps: readonly Step[], results: ReadonlyMap<string, StepResult>) {
  return {
    supervisor: kind,
    programs: steps.map(({ name, decision, why, whatToDo, targets }) => ({
      name,
      units: targets.map(({ unit, file }) => ({ name: unit.name, file })),
      decision,
      why,
      what_to_do: whatToDo,
      result: results.get(name)?.result ?? null,
      message: results.get(name)?.message ?? null,
    })),
    report: imported.report
      .filter(({ outcome }) => outcome !== "carried")
      .map(({ unit, field, outcome, how, whatToDo, where }) => ({ unit, field, outcome, how, what_to_do: whatToDo, where })),
    problems: imported.problems,
  };
}

/** Says what the operator must still do. Without `results`, no step was carried out. */
function leftoversOf(
  { context, supervisor }: Migration,
  steps: readonly Step[],
  results: ReadonlyMap<string, StepResult> | null,
): string[] {
  const hasMoved = ({ name, isHere }: Step): boolean => isHere || results?.get(name)?.result === "moved";
  const moved = steps.filter(hasMoved).map(({ name, targets }) => ({ name, origins: targets.map(({ unit }) => unit.origin) }));
  const others = results === null ? [] : steps.filter((step) => !hasMoved(step));
  const lines = others.flatMap((step) => describeOther(step, results?.get(step.name), supervisor.kind));
  const isLast = context.options.only === undefined && moved.length === steps.length;
  return [...lines, ...supervisor.leftovers(moved, isLast)];
}

/** Says what to do about a program that was not moved. Skips the steps that an interrupted migration did not reach. */
function describeOther({ name, decision, why, whatToDo, targets }: Step, done: StepResult | undefined, kind: string): string[] {
  const next = whatToDo === null ? "" : `; ${whatToDo}`;
  if (decision !== "move") return [`${name} was not moved: ${why}${next}`];
  if (done === undefined) return [];
  if (done.result === "failed") return [`${name} needs you now: ${done.message}`];
  if (done.result !== "put-back") return [`${name} was not moved: ${done.message}`];
  const files = targets.map(({ file }) => file).join(", ");
  return [`${name} still runs in ${kind}: fix ${files}, then \`sup reload\` and \`sup migrate ${kind}\``];
}

function printLeftovers({ out, paint }: Context, lines: readonly string[]): void {
  if (lines.length > 0) out(["", paint("bold", "What remains"), ...lines.map(safe)].join("\n"));
}

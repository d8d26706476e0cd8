import { readFileSync } from "node:fs";
import type { Service, Status } from "../../api/contract/shapes.ts";
import { fileNameOf } from "../../base/names.ts";
import type { ImportedUnit } from "../../convert/import/types.ts";
import { exists } from "../files/masks.ts";
import { targetsOf, type UnitTarget } from "../files/write-units.ts";
import type { Program, ProgramProcess, Supervisor } from "./supervisor.ts";
import type { Unfinished } from "./unfinished.ts";

/** What happens to one program, or to a group of programs. */
export interface Step {
  readonly name: string;
  readonly targets: readonly UnitTarget[];
  /**
   * `move`: the program moves to sup. `import`: only its unit files are written, because the program does not run there or
   * would not stay stopped. `done`: there is nothing to do. `blocked`: the program cannot be moved.
   */
  readonly decision: "move" | "import" | "done" | "blocked";
  /** Why the program is not moved, or how many processes it has if it is moved. */
  readonly why: string;
  readonly whatToDo: string | null;
  /** The processes to stop there, and to start there again if the program does not stay up here. */
  readonly processes: readonly ProgramProcess[];
  /** True if its units run here and none of its processes runs there. */
  readonly isHere: boolean;
}

interface Given {
  readonly supervisor: Supervisor;
  readonly programs: readonly Program[];
  /** The status of sup's daemon, or null if no daemon runs. */
  readonly status: Status | null;
  readonly directory: string;
  /** A step that an earlier migration did not finish because it was killed, or null. */
  readonly unfinished: Unfinished | null;
}

/** Compares what runs in the other supervisor with what runs here, and decides what happens to each program. */
export function makePlan(given: Given): Step[] {
  const { supervisor, programs, directory } = given;
  const units = new Map<string, ImportedUnit[]>();
  for (const unit of supervisor.imported.units) {
    const name = supervisor.programOf(unit.processes[0] ?? unit.name);
    units.set(name, [...(units.get(name) ?? []), unit]);
  }
  const names = new Set([...programs.map(({ name }) => name), ...units.keys()]);
  return [...names].map((name) => {
    const program = programs.find((each) => each.name === name) ?? null;
    const targets = targetsOf({ ...supervisor.imported, units: units.get(name) ?? [] }, directory);
    return { name, targets, ...decide(given, name, program, targets) };
  });
}

type Decided = Pick<Step, "decision" | "why" | "whatToDo" | "processes" | "isHere">;

function decide({ supervisor, status, unfinished }: Given, name: string, program: Program | null, targets: readonly UnitTarget[]): Decided {
  const { kind } = supervisor;
  const say = (decision: Step["decision"], why: string, whatToDo: string | null = null): Decided => ({
    decision,
    why,
    whatToDo,
    processes: [],
    isHere: false,
  });
  const rows = targets.flatMap(({ unit }) => rowsOf(status, unit.name));
  const isUpHere = rows.some(({ state }) => UP.has(state));
  const running = (program?.processes ?? []).filter(({ isRunning }) => isRunning);
  const known = new Set(targets.flatMap(({ unit }) => unit.processes));
  const foreign = program?.processes.find((each) => !known.has(each.name));
  if (foreign !== undefined)
    return say(
      "blocked",
      `${foreign.name} cannot be imported`,
      "see the problems below, or whether the configuration has changed since it was loaded",
    );
  const conflict = conflictOf(targets, status);
  if (conflict !== null) return say("blocked", ...conflict);
  if (program !== null && unfinished?.program === name && running.length === 0) {
    const processes = program.processes.filter(({ target }) => unfinished.targets.includes(target));
    return { decision: "move", why: "an earlier migration stopped it and did not finish", whatToDo: null, processes, isHere: false };
  }
  if (isUpHere && running.length > 0)
    return say("blocked", `it runs in ${kind} and in sup`, `stop one of the two, for example: sup stop ${targets[0]!.unit.name}`);
  if (isUpHere) return { ...say("done", "it runs in sup"), isHere: true };
  const isWritten = targets.every(({ file }) => exists(file));
  const notMoved = (why: string, whatToDo: string | null = null): Decided => say(isWritten ? "done" : "import", why, whatToDo);
  if (program === null) return notMoved(`${kind} has not loaded it`);
  const enable = `sup enable --now ${targets.map(({ unit }) => unit.name).join(" ")}`;
  if (program.obstacle !== null && running.length > 0)
    return notMoved(program.obstacle, `remove it there with \`pm2 delete\`, then \`${enable}\``);
  if (running.length === 0) return notMoved(`it is ${program.processes[0]!.state} in ${kind}`, `to start it here: \`${enable}\``);
  return {
    decision: "move",
    why: `${running.length} ${running.length === 1 ? "process" : "processes"}`,
    whatToDo: null,
    processes: running,
    isHere: false,
  };
}

const UP: ReadonlySet<Service["state"]> = new Set(["starting", "running", "stopping", "backoff"]);

/** Returns the rows of a unit, or of all units of a service with `instances`. */
export const rowsOf = (status: Status | null, name: string): Service[] =>
  (status?.services ?? []).filter(({ id, service }) => id === name || service === name);

/**
 * Finds existing files that a migration would have to overwrite. Also finds unit files that the daemon has not loaded in
 * their present form.
 */
function conflictOf(targets: readonly UnitTarget[], status: Status | null): [why: string, whatToDo: string] | null {
  for (const { unit, file, secretsFile } of targets) {
    const { name } = unit;
    if (!exists(file)) {
      if (secretsFile !== null && exists(secretsFile)) return [`${secretsFile} exists already`, "move it away"];
      const [row] = rowsOf(status, name);
      if (row !== undefined) return [`sup has another unit ${name}${row.file === "" ? "" : `, from ${row.file}`}`, "rename or remove it"];
      continue;
    }
    if (!isImported(unit, file)) return [`${file} exists already and was not made from this program`, "rename or remove it"];
    const broken = status?.broken?.find(({ id }) => id === name);
    if (broken !== undefined) return [`${file} has errors: ${broken.problems[0] ?? ""}`, "fix the file, or remove it to import it again"];
    if (rowsOf(status, name).some(({ changed_on_disk }) => changed_on_disk))
      return [`${file} has changes that are not applied`, "`sup reload`"];
  }
  return null;
}

/** Returns true if the file starts with the comment that `printUnit` writes. A link to /dev/null (`sup mask`) reads as an empty file. */
function isImported(unit: ImportedUnit, file: string): boolean {
  try {
    return readFileSync(file, "utf8").startsWith(`// ${fileNameOf(unit.name)}, imported from ${unit.origin}\n`);
  } catch {
    return false;
  }
}

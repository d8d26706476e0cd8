import { existsSync, statSync } from "node:fs";
import { barrierWords, findBarrier, NOT_PERMITTED } from "../../adapters/logs/files/sharing.ts";
import { firstLineOf } from "../../adapters/files/text-file.ts";
import { errnoWords } from "../../base/errno.ts";
import { endsInCarriageReturn, WINDOWS_LINE_ENDINGS } from "../../base/script.ts";
import { findCommand } from "../../linux/spawn/find-command.ts";
import { credentialsOf, lookupGroup, mayGiveTo, openUsers } from "../../linux/spawn/users.ts";
import type { Users } from "../../ports/users.ts";
import { expandCommand } from "../../spec/load/expand.ts";
import type { Places } from "../../spec/places.ts";
import type { ProbeSpec, Spec } from "../../spec/spec.ts";
import { groupConflict } from "../engine/share-log.ts";
import type { Launcher, Launch } from "../engine/launcher.ts";
import { makeLauncher } from "./make-launcher.ts";

/** Something that is missing on this machine, so that a start of the unit would fail at present. */
export interface MachineFinding {
  readonly id: string;
  /** Dotted key of the unit file; "" for the whole file. */
  readonly key: string;
  readonly message: string;
  readonly hint?: string;
}

type Report = (key: string, message: string, hint?: string) => void;

/**
 * Checks whether the users, files, directories and commands of the units exist, in the same way as a start does. Starts no process and
 * changes no file.
 */
export async function checkMachine(specs: readonly Spec[], places: Places, users: Users = openUsers()): Promise<MachineFinding[]> {
  const launcher = makeLauncher(users, places);
  const findings: MachineFinding[] = [];
  for (const spec of specs) {
    const report: Report = (key, message, hint) => void findings.push({ id: spec.id, key, message, ...(hint !== undefined && { hint }) });
    await checkUnit(spec, launcher, report);
    checkLogGroup(spec, specs, places.logs, report);
  }
  return findings;
}

async function checkUnit(spec: Spec, launcher: Launcher, report: Report): Promise<void> {
  const credentials = credentialsOf(spec.identity);
  if (!credentials.ok) {
    report(credentials.error.startsWith("group") ? "group" : "user", `there is no ${credentials.error}`);
    // Check the rest of the unit as the daemon's user, unless it depends on the missing user.
    if (dependsOnUser(spec)) return;
    return checkUnit({ ...spec, identity: { ...spec.identity, user: null, group: null } }, launcher, report);
  }
  for (const file of spec.environmentFiles) {
    const one = launcher.prepare({ ...spec, environmentFiles: [file] }, "");
    if (!one.ok && one.error.includes("environment file")) report("environment_files", one.error);
  }
  const launch = launcher.prepare(spec, "");
  // If an environment file is missing, check the commands without the environment files. If that fails, report nothing, because the missing
  // file may set a variable that the commands use.
  const prepared =
    launch.ok || !launch.error.includes("environment file") ? launch : launcher.prepare({ ...spec, environmentFiles: [] }, "");
  if (!prepared.ok) {
    if (prepared === launch) report(/^cannot expand ([\w.]+)/.exec(prepared.error)?.[1] ?? "", prepared.error);
    return;
  }
  const { cwd } = prepared.value;
  const problem = directoryProblem(cwd);
  if (problem !== null) report("working_directory", `cannot change to the working directory ${cwd}: ${problem}`);
  for (const { key, argv } of commandsOf(spec, prepared.value)) await checkCommand(key, argv, prepared.value, report);
}

function checkLogGroup({ log: { group } }: Spec, specs: readonly Spec[], directory: string, report: Report): void {
  if (group === null) return;
  const gid = lookupGroup(group);
  if (gid === null) return report("log.group", `there is no group ${group}`);
  const other = specs.find(({ log }) => log.group !== null && log.group !== group);
  if (other !== undefined) report("log.group", groupConflict(group, other.id, other.log.group!));
  if (!mayGiveTo(gid)) report("log.group", `cannot let the group ${group} read the log: ${NOT_PERMITTED}`);
  const barrier = findBarrier(directory, gid);
  if (barrier !== null) report("log.group", barrierWords(group, directory, barrier));
}

/** Returns true if the unit needs a fact about its user, such as the home directory, for which `~` and %h stand. */
const dependsOnUser = ({ exec, environment, environmentFiles }: Spec): boolean =>
  /~|%h|HOME|USER|LOGNAME|SHELL/.test(JSON.stringify([exec, environment, environmentFiles]));

/**
 * Returns the problem of a directory, or null. If this user cannot read the directory, that is not reported as a problem, because the
 * unit's user may be able to.
 */
function directoryProblem(path: string): string | null {
  try {
    return statSync(path).isDirectory() ? null : "it is not a directory";
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException;
    return code === "EACCES" ? null : errnoWords(Math.abs(errno));
  }
}

interface Command {
  readonly key: string;
  readonly argv: readonly string[];
}

/** Returns the commands of a unit that can be looked up. A shell command is not among them, because only the shell can parse it. */
function commandsOf(spec: Spec, { argv, env, specifiers }: Launch): Command[] {
  const commands: Command[] = spec.exec.shell ? [] : [{ key: "command", argv }];
  const add = (key: string, command: Parameters<typeof expandCommand>[0], variables = env): void => {
    const expanded = expandCommand(command, variables, specifiers);
    if (expanded.ok) commands.push({ key, argv: expanded.value });
  };
  for (const condition of spec.conditions) if (condition.kind === "command") add("conditions", condition);
  for (const hook of spec.preStart) add("pre_start", hook);
  const running = { ...env, MAINPID: "0" };
  for (const hook of spec.preRestart) add("pre_restart", hook, running);
  for (const hook of spec.postStop) add("post_stop", hook);
  if (spec.reload?.kind === "command") add("reload.command", spec.reload, running);
  let probe: ProbeSpec | null | undefined = spec.check?.probe;
  for (let key = "health_check"; probe; key += ".fallback_check") {
    if (probe.type === "exec") add(`${key}.command`, probe);
    probe = key === "health_check" ? spec.check?.fallback : probe.fallback;
  }
  return commands;
}

async function checkCommand(key: string, argv: readonly string[], { env, cwd }: Launch, report: Report): Promise<void> {
  const command = argv[0]!;
  const path = findCommand(command, env.PATH, cwd);
  if (!path.ok) return report(key, `cannot execute ${command}: ${errnoWords(path.error)}`, hintFor(command, path.error));
  const line = (await firstLineOf(path.value)) ?? "";
  if (endsInCarriageReturn(line)) return report(key, `cannot execute ${path.value}: ${WINDOWS_LINE_ENDINGS}`);
  const interpreter = /^#!\s*(\S+)/.exec(line)?.[1];
  if (interpreter?.startsWith("/") === true && !existsSync(interpreter))
    report(key, `cannot execute ${path.value}: its interpreter ${interpreter} does not exist`);
}

const EACCES = 13;

const hintFor = (command: string, errno: number): string | undefined =>
  errno === EACCES && command.includes("/") ? `make it executable: chmod +x ${command}` : undefined;

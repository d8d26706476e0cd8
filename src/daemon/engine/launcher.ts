import { errnoName, errnoNameWords, errnoWords } from "../../base/errno.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Account, Users } from "../../ports/users.ts";
import type { CgroupLimits, SpawnRequest, SpawnResult } from "../../ports/processes.ts";
import { composeEnvironment } from "../../spec/load/environment.ts";
import { expandCommand, expandEnvironmentFiles, expandExec, expandPathConditions } from "../../spec/load/expand.ts";
import type { IdentitySpec, LimitSpec, PathCondition, Spec } from "../../spec/spec.ts";
import { displayOf, type Display } from "../../spec/load/display.ts";
import { specifiersFor, type Specifiers } from "../../spec/load/specifiers.ts";
import type { SpawnFailure } from "../../core/unit/record.ts";

/** The data that is needed to start the processes of one run. It is prepared again for each run. */
export interface Launch {
  readonly env: Readonly<Record<string, string>>;
  readonly specifiers: Specifiers;
  readonly identity: IdentitySpec;
  readonly cwd: string;
  readonly argv: readonly string[];
  /** The paths of all environment files of the unit, also of optional ones that do not exist. */
  readonly environmentFiles: readonly string[];
}

export interface LauncherOptions {
  readonly users: Users;
  readonly places: { readonly state: string; readonly logs: string; readonly runtime: string };
  /** LANG and TZ from the daemon's own environment. */
  readonly locale: { readonly LANG?: string | undefined; readonly TZ?: string | undefined };
  /** Reads a file with the rights of the unit's user. The error is an errno name or a few words. */
  readonly readText: (path: string, identity: Pick<IdentitySpec, "user" | "group">) => Result<string, string>;
  readonly defaults: ProcessDefaults;
}

/** The settings of a process for keys that its unit file does not set. They never depend on the process that started the daemon. */
export interface ProcessDefaults {
  /** Returns the working directory. `home` is the home directory of the unit's user. */
  readonly directory: (home: string) => string;
  /** The nice value, or null to leave it unchanged. */
  readonly nice: number | null;
}

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export class Launcher {
  readonly #options: LauncherOptions;
  #own: Account | null = null;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  /** Reads the environment files and expands variables and specifiers. The error is a message for the user. */
  prepare(spec: Spec, invocation: string, generation?: number): Result<Launch, string> {
    const { users, places, locale } = this.#options;
    // The entry of the daemon's own user is read only once. The entry of a named user can change between two starts.
    const account = spec.identity.user === null ? (this.#own ??= users.lookup(null)) : users.lookup(spec.identity.user);
    if (account === null) return err(`cannot run as user ${spec.identity.user}: no such user`);
    const specifiers = specifiersFor(spec.id, { ...places, home: account.home });
    const base = baseOf(account, locale);
    const files = this.#environmentFiles(spec, base, specifiers);
    if (!files.ok) return files;
    const { present, paths: environmentFiles } = files.value;
    const env = composeEnvironment({
      spec,
      base,
      files: present,
      invocation,
      specifiers,
      ...(generation !== undefined && { generation }),
    });
    if (!env.ok) return env;
    const exec = expandExec(spec, env.value, specifiers);
    if (!exec.ok) return exec;
    const { argv, cwd } = exec.value;
    const { directory, nice } = this.#options.defaults;
    const identity = { ...spec.identity, nice: spec.identity.nice ?? nice };
    return ok({ env: env.value, specifiers, identity, argv, cwd: cwd ?? directory(account.home), environmentFiles });
  }

  /** Expands the paths of the conditions. Environment files are not read, because a condition may require that they exist. */
  pathConditions(spec: Spec): Result<readonly PathCondition[], string> {
    const { users, places, locale } = this.#options;
    const account = spec.identity.user === null ? (this.#own ??= users.lookup(null)) : users.lookup(spec.identity.user);
    if (account === null) return err(`there is no user ${spec.identity.user}`);
    const specifiers = specifiersFor(spec.id, { ...places, home: account.home });
    const base = baseOf(account, locale);
    return expandPathConditions(spec, earlyVariables(spec, base), specifiers);
  }

  /** Returns a function that expands strings of the unit for display. It does not read the environment files, and never fails. */
  display(spec: Spec): Display {
    const { users, places, locale } = this.#options;
    const own = (this.#own ??= users.lookup(null));
    // It would be slow to look up another user for each display, so the home directory of another user is not expanded.
    const isOwn = spec.identity.user === null && own !== null;
    const base = isOwn ? baseOf(own, locale) : { PATH: DEFAULT_PATH };
    return displayOf(spec, base, specifiersFor(spec.id, { ...places, home: isOwn ? own.home : "%h" }));
  }

  #environmentFiles(
    spec: Spec,
    base: Record<string, string | undefined>,
    specifiers: Specifiers,
  ): Result<{ readonly present: ReadonlyArray<{ path: string; text: string }>; readonly paths: readonly string[] }, string> {
    if (spec.environmentFiles.length === 0) return ok({ present: [], paths: [] });
    const paths = expandEnvironmentFiles(spec, earlyVariables(spec, base), specifiers);
    if (!paths.ok) return paths;
    const present: Array<{ path: string; text: string }> = [];
    for (const { path, optional } of paths.value) {
      const text = this.#options.readText(path, spec.identity);
      if (text.ok) present.push({ path, text: text.value });
      else if (!optional || text.error !== "ENOENT")
        return err(`cannot read environment file ${path}: ${errnoNameWords(text.error)}${refusalHint(text.error, spec)}`);
    }
    return ok({ present, paths: paths.value.map(({ path }) => path) });
  }
}

/** The variables that are known before the environment files are read. */
function earlyVariables(spec: Spec, base: Record<string, string | undefined>): Record<string, string> {
  const known = Object.fromEntries(Object.entries(base).filter((pair): pair is [string, string] => pair[1] !== undefined));
  return { ...known, ...spec.environment };
}

function refusalHint(error: string, { identity }: Spec): string {
  if (error === "ENOENT") return "; a leading - makes it optional";
  return error === "EACCES" && identity.user !== null ? `; it is read with the rights of the unit's user ${identity.user}` : "";
}

const baseOf = (account: Account, locale: LauncherOptions["locale"]) => ({
  PATH: DEFAULT_PATH,
  HOME: account.home,
  USER: account.name,
  LOGNAME: account.name,
  SHELL: account.shell || "/bin/sh",
  ...locale,
});

export const mainRequest = (
  spec: Spec,
  launch: Launch,
  fds: SpawnRequest["fds"],
  extra: Readonly<Record<string, string>> = {},
): SpawnRequest => ({
  argv: launch.argv,
  env: { ...launch.env, ...extra },
  cwd: launch.cwd,
  identity: launch.identity,
  fds,
  bounds: boundsOf(spec.limits),
  kept: true,
});

/** Returns the limits that the kernel should enforce for a unit, or null if it should enforce none. */
export const boundsOf = (limits: LimitSpec | null): CgroupLimits | null =>
  limits?.action === "enforce" ? { memory: limits.maxMemoryMb, cpu: limits.maxCpuPercent, tasks: limits.maxTasks } : null;

/**
 * Returns the request that spawns a hook or a reload command. The command has the user, directory and environment of the main process,
 * and the additional variables `extra`.
 */
export function hookRequest(
  spec: Spec,
  launch: Launch,
  hook: { readonly command: string; readonly args: readonly string[] },
  fds: SpawnRequest["fds"],
  extra: Readonly<Record<string, string>> = {},
): Result<SpawnRequest, string> {
  const env = { ...launch.env, ...extra };
  const argv = expandCommand(hook, env, launch.specifiers);
  if (!argv.ok) return argv;
  return ok({ argv: argv.value, env, cwd: launch.cwd, identity: launch.identity, fds, bounds: boundsOf(spec.limits) });
}

/** Errors whose cause is a shortage on the machine, and not the unit. */
const SHORTAGES = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"]);

/** The message for a new process that made no progress for ten seconds. */
const HANGS = "timed out (ETIMEDOUT): its file system does not answer, or something stopped the new process";

/** Describes a failed spawn, with a message that names the step and the cause. */
export function spawnFailure(failed: Extract<SpawnResult, { ok: false }>): SpawnFailure {
  const words = errnoName(failed.errno) === "ETIMEDOUT" ? HANGS : errnoWords(failed.errno);
  const resources = failed.stage === "fork" || SHORTAGES.has(errnoName(failed.errno));
  return { stage: failed.stage, resources, message: sentence(failed, words) };
}

function sentence({ stage, subject, errno }: Extract<SpawnResult, { ok: false }>, words: string): string {
  switch (stage) {
    case "limits": {
      const why = errnoName(errno) === "EPERM" ? "; it is above the hard limit that sup itself runs with: lower it in the unit file" : "";
      return `cannot set the limit ${subject}: ${words}${why}`;
    }
    case "resolve":
    case "exec":
      return `cannot execute ${subject}: ${words}`;
    case "chdir":
      return `cannot change to the working directory ${subject}: ${words}`;
    case "user":
      return `cannot become ${subject}: no such user or group`;
    case "groups":
    case "gid":
    case "uid":
      return `cannot become ${subject}: ${words}${errnoName(errno) === "EPERM" ? "; only root can do that" : ""}`;
    case "nice":
    case "oom-score":
      return `cannot set ${subject}: ${words}`;
    case "fork":
      return `cannot create a process: ${words}`;
    default:
      return `cannot set up the process (${stage}${subject ? ` ${subject}` : ""}): ${words}`;
  }
}

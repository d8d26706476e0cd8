/** Starts a process with the C function of spawn.c, which sets everything up before exec and returns errors synchronously. */
import { ptr } from "bun:ffi";
import { closeSync, existsSync, fchownSync, fstatSync, openSync, readSync } from "node:fs";
import { SPAWN_STAGES, type SpawnStage } from "../../base/spawn-stages.ts";
import type { SpawnRequest } from "../../ports/processes.ts";
import { errnoWords } from "../../base/errno.ts";
import { interpreterWords } from "../../base/script.ts";
import type { CExports, StructLayout } from "../ffi/c-exports.ts";
import { compileC } from "../ffi/compile-c.ts";
import { cstring, cstrings, libc, O, O_DIRECTORY, open } from "../ffi/libc.ts";
import { findCommand } from "./find-command.ts";
import { defaultNofile, RLIMITS, toKernel, type Rlimit } from "./rlimits.ts";
// `text`, because a `file` import cannot be opened by the C compiler inside a compiled binary.
import source from "./spawn.c" with { type: "text" };
import { type Credentials, credentialsOf } from "./users.ts";

export type SpawnOutcome =
  | { readonly ok: true; readonly pid: number }
  | { readonly ok: false; readonly stage: SpawnStage; readonly errno: number; readonly subject: string };

/** `cgroup`: directory of the cgroup in which the process is created; null: the daemon's own. */
export type SpawnFunction = (request: SpawnRequest, cgroup: string | null) => SpawnOutcome;

const ENOENT = 2;
/** systemd's default (systemd.exec(5), UMask=). The daemon's own umask is stricter, to protect its sockets and logs. */
const DEFAULT_UMASK = 0o022;
const EINVAL = 22;
/** chown(2): -1 does not change the group. */
const KEEP_GROUP = 0xffffffff;

/**
 * Compiles spawn.c (about 5 ms) and tests it with a start that must fail. Throws when this machine cannot start processes
 * this way. Compiling needs a writable directory: `scratch`, or one of the usual places.
 */
export function prepareSpawn(
  scratch?: string,
  code = source,
): { readonly spawn: SpawnFunction; readonly testCgroup: (directory: string) => string | null } {
  const { functions, exports } = compileC("spawn.c", code, { sup_spawn: { args: ["ptr"], returns: "int" } }, scratch);
  const native: Native = { call: functions.sup_spawn, layout: exports.struct("attempt", ATTEMPT), stages: stagesIn(exports) };
  const problem = selfTest(native, null);
  if (problem !== null) throw new Error(`cannot start processes: ${problem}`);
  return {
    spawn: (request, cgroup) => spawn(native, request, cgroup),
    testCgroup: (directory) => selfTest(native, directory),
  };
}

/** Starts a program that does not exist, which must fail at the last step. Null, or what is wrong. */
function selfTest(native: Native, cgroup: string | null): string | null {
  return selfTestProblem(attempt(native, SELF_TEST, "/proc/self/no-such-file", {}, OWN_CREDENTIALS, cgroup));
}

/** Why this machine cannot start processes, concluded from the start of a program that does not exist. Null: it can. */
export function selfTestProblem(outcome: SpawnOutcome): string | null {
  if (outcome.ok)
    return (
      "clone with CLONE_VM and CLONE_VFORK does not share memory here, so errors before exec would be lost. " +
      "User-mode emulators (qemu-user) behave like this; a virtual machine does not"
    );
  if (outcome.stage === "exec" && outcome.errno === ENOENT) return null;
  return `a test start failed at the wrong step (${outcome.stage}: ${errnoWords(outcome.errno)})`;
}

/** The fields of `struct attempt` in spawn.c. */
// prettier-ignore
const ATTEMPT = [
  "path", "argv", "envp", "cwd", "oom_score_adj", "pid_texts", "fds", "groups", "limit_ids", "limits", "cgroup", "fd_count",
  "group_count", "limit_count", "umask", "has_nice", "nice", "has_gid", "gid", "has_uid", "uid", "stage", "error", "detail",
] as const;

type AttemptLayout = StructLayout<(typeof ATTEMPT)[number]>;

interface Native {
  readonly call: (attempt: ReturnType<typeof ptr>) => number;
  readonly layout: AttemptLayout;
  /** By the numbers that spawn.c uses. */
  readonly stages: ReadonlyMap<number, SpawnStage>;
}

/** Throws when spawn.c and SPAWN_STAGES do not name the same stages; the first two of them come before the C function. */
function stagesIn(exports: CExports): ReadonlyMap<number, SpawnStage> {
  const numbers = exports.constants("stage ");
  const stages = SPAWN_STAGES.slice(2);
  const differing = [...stages.filter((stage) => !numbers.has(stage)), ...[...numbers.keys()].filter((name) => !stages.some((stage) => stage === name))]; // prettier-ignore
  if (differing.length > 0) throw new Error(`spawn.c and SPAWN_STAGES differ: ${differing.join(", ")}`);
  return new Map(stages.map((stage) => [numbers.get(stage)!, stage]));
}

const OWN_CREDENTIALS: Credentials = { uid: null, gid: null, groups: null };
const SELF_TEST: SpawnRequest = {
  argv: ["self-test"],
  env: {},
  cwd: null,
  identity: { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} },
  fds: [null, null, null],
};

function spawn(native: Native, request: SpawnRequest, cgroup: string | null): SpawnOutcome {
  const command = request.argv[0] ?? "";
  const strings = [...request.argv, ...Object.entries(request.env).flat(), request.cwd ?? ""];
  const broken = strings.find((string) => string.includes("\0"));
  if (broken !== undefined) return failed("resolve", EINVAL, `${JSON.stringify(broken)} (a zero byte cannot be passed to a program)`);
  const path = findCommand(command, request.env.PATH, request.cwd);
  if (!path.ok) return failed("resolve", path.error, command || "(empty command)");
  const credentials = credentialsOf(request.identity);
  if (!credentials.ok) return failed("user", ENOENT, credentials.error);
  const limits: Record<string, Rlimit> = { nofile: defaultNofile(), ...request.identity.limits };
  const unknown = Object.keys(limits).find((name) => RLIMITS[name] === undefined);
  if (unknown !== undefined) return failed("limits", EINVAL, unknown);
  if (credentials.value.uid !== null) chownOutput(request.fds, credentials.value.uid);
  return attempt(native, request, path.value, limits, credentials.value, cgroup);
}

/** A program that reopens /dev/stdout (nginx's `access_log /dev/stdout`) can do so only if its user owns the pipe. */
function chownOutput(fds: SpawnRequest["fds"], uid: number): void {
  for (const fd of fds.slice(1, 3)) {
    try {
      if (fd !== null && fstatSync(fd).isFIFO()) fchownSync(fd, uid, KEEP_GROUP);
    } catch {
      // No CAP_CHOWN: writing to the open descriptor works without it.
    }
  }
}

function attempt(
  native: Native,
  request: SpawnRequest,
  path: string,
  limits: Readonly<Record<string, Rlimit>>,
  credentials: Credentials,
  cgroup: string | null,
): SpawnOutcome {
  const cgroupFd = cgroup === null ? -1 : open(cgroup, O_DIRECTORY);
  if (cgroup !== null && cgroupFd < 0) return failed("cgroup", -cgroupFd, cgroup);
  const { struct, keep } = marshal(native.layout, request, path, limits, credentials, cgroupFd);
  const pid = native.call(struct.address);
  if (cgroupFd >= 0) libc.close(cgroupFd);
  keep.length = 0; // C has read it all: the garbage collector may free it from here on
  if (pid > 0) return { ok: true, pid };
  const stage = native.stages.get(struct.getInt("stage"))!;
  const errno = struct.getInt("error");
  const index = struct.getInt("detail");
  const limit = Object.keys(limits)[index] ?? "";
  return failed(stage, errno, stage === "cgroup" ? cgroup! : subjectOf(stage, errno, path, limit, index, request));
}

/** `struct attempt`, and everything that it points to: the caller keeps `keep` alive until C has returned. */
function marshal(
  layout: AttemptLayout,
  { argv, env, cwd, identity, fds }: SpawnRequest,
  path: string,
  limits: Readonly<Record<string, Rlimit>>,
  { uid, gid, groups }: Credentials,
  cgroupFd: number,
) {
  const keep: unknown[] = [];
  const cText = (string: string | null | undefined): number => {
    if (string === null || string === undefined) return 0;
    const bytes = cstring(string);
    keep.push(bytes);
    return ptr(bytes);
  };
  const args = cstrings(argv);
  const variables = environment(env);
  const names = Object.keys(limits);
  const descriptors = Int32Array.from([0, ...fds], (fd) => fd ?? -1).subarray(1);
  const groupIds = Uint32Array.from([0, ...(groups ?? [])]).subarray(1);
  const limitIds = Int32Array.from([0, ...names.map((name) => RLIMITS[name]!)]).subarray(1);
  const pairs = new BigUint64Array([...names.flatMap((name) => [toKernel(limits[name]!.soft), toKernel(limits[name]!.hard)]), 0n]);
  const struct = layout.fill({
    path: cText(path),
    argv: args.pointer,
    envp: variables.pointer,
    cwd: cText(cwd),
    oom_score_adj: cText(identity.oomScoreAdj?.toString()),
    pid_texts: ptr(variables.pidTexts),
    fds: address(descriptors),
    groups: address(groupIds),
    limit_ids: address(limitIds),
    limits: ptr(pairs),
    cgroup: cgroupFd,
    fd_count: fds.length,
    group_count: groups?.length ?? -1,
    limit_count: names.length,
    umask: identity.umask ?? DEFAULT_UMASK,
    has_nice: Number(identity.nice !== null),
    nice: identity.nice ?? 0,
    has_gid: Number(gid !== null),
    gid: gid ?? 0,
    has_uid: Number(uid !== null),
    uid: uid ?? 0,
    stage: 0,
    error: 0,
    detail: 0,
  });
  keep.push(args, variables, descriptors, groupIds, limitIds, pairs, struct);
  return { struct, keep };
}

/** The address of a view's first element, also when the view is empty: `ptr` refuses empty views. */
function address(view: Int32Array | Uint32Array): number {
  return ptr(view.buffer) + view.byteOffset;
}

/**
 * NAME=value for each variable. BUN_ variables are left out: they come from whoever started the daemon, never from a unit,
 * and would change how a service that runs on Bun behaves. Variables that hold the pid get blanks that the child overwrites,
 * because only the child knows its pid.
 */
function environment(env: Readonly<Record<string, string>>): { pointer: number; pidTexts: BigUint64Array; keep: unknown } {
  const entries = Object.entries(env).filter(([name]) => !name.startsWith("BUN_") && !PID_VARIABLES.includes(name));
  const named = PID_VARIABLES.filter((name) => env[name] !== undefined);
  const vector = cstrings([
    ...entries.map(([name, value]) => `${name}=${value}`),
    ...named.map((name) => `${name}=${" ".repeat(PID_DIGITS)}`),
  ]);
  const texts = named.map((name, i) => BigInt(vector.addresses[entries.length + i]! + name.length + 1));
  return { ...vector, pidTexts: BigUint64Array.from([...texts, 0n]) };
}

/** sd_listen_fds(3), sd_watchdog_enabled(3) */
const PID_VARIABLES = ["LISTEN_PID", "WATCHDOG_PID"];
const PID_DIGITS = 12;

const describeIdentity = ({ user, group }: SpawnRequest["identity"]): string =>
  [user === null ? "" : `user ${user}`, group === null ? "" : `group ${group}`].filter(Boolean).join(", ");

const failed = (stage: SpawnStage, errno: number, subject: string): SpawnOutcome => ({ ok: false, stage, errno, subject });

/** What the failed step was working on, for "cannot start web: SUBJECT: no such file or directory". */
function subjectOf(
  stage: SpawnStage,
  errno: number,
  path: string,
  limit: string,
  index: number,
  { cwd, identity, fds }: SpawnRequest,
): string {
  if (stage === "oom-score") return `oom_score_adj ${identity.oomScoreAdj}`;
  if (stage === "nice") return `nice ${identity.nice}`;
  if (stage === "limits") return limit;
  if (stage === "descriptors") return `descriptor ${index} (from ${fds[index] ?? "/dev/null"})`;
  if (stage === "groups" || stage === "gid" || stage === "uid") return describeIdentity(identity);
  if (stage === "chdir") return cwd ?? "";
  if (stage === "exec" && errno === ENOENT && existsSync(path)) return `${path}: its interpreter${interpreter(path)}`;
  return path;
}

/** When exec fails with ENOENT for an existing file, the missing file is the #! interpreter or the loader of an ELF file. */
function interpreter(path: string): string {
  const fd = openSync(path, O.RDONLY);
  try {
    const head = Buffer.alloc(256);
    const line = head.toString("latin1", 0, readSync(fd, head)).split("\n", 1)[0]!;
    return interpreterWords(line);
  } finally {
    closeSync(fd);
  }
}

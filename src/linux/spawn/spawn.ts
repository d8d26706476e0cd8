/** Starts a process by the C function of spawn.c: everything is set before exec, and errors come back at once. */
import { ptr } from "bun:ffi";
import { closeSync, existsSync, fchownSync, fstatSync, openSync, readSync } from "node:fs";
import { SPAWN_STAGES, type SpawnStage } from "../../base/spawn-stages.ts";
import type { SpawnRequest } from "../../ports/processes.ts";
import { errnoWords } from "../../base/errno.ts";
import { cstring, cstrings, libc, O, O_DIRECTORY, open } from "../ffi/libc.ts";
import { findCommand } from "./find-command.ts";
import { compileC } from "../ffi/compile-c.ts";
import { defaultNofile, RLIMITS, toKernel, type Limit } from "./rlimits.ts";
// `text`, because a `file` import cannot be opened by the C compiler inside a compiled binary.
import source from "./spawn.c" with { type: "text" };
import { type Credentials, credentialsOf } from "./users.ts";

export type Spawned =
  | { readonly ok: true; readonly pid: number }
  | { readonly ok: false; readonly stage: SpawnStage; readonly errno: number; readonly subject: string };

/** `cgroup`: directory of the cgroup that the process is born in; null: ours. */
export type Spawn = (request: SpawnRequest, cgroup: string | null) => Spawned;

const ENOENT = 2;
/** systemd's default (systemd.exec(5), UMask=): the daemon's own is stricter, for its sockets and logs. */
const DEFAULT_UMASK = 0o022;
const EINVAL = 22;
/** chown(2): -1 leaves the group as it is. */
const KEEP_GROUP = 0xffffffff;

/**
 * Compiles spawn.c (about 5 ms) and proves it by a start that must fail. Throws when this machine cannot do it. For a
 * moment it needs a directory to write to: `scratch`, or one of the usual places.
 */
export function prepareSpawn(scratch?: string): { readonly spawn: Spawn; readonly proveCgroup: (directory: string) => string | null } {
  const native: Native = compileC("spawn.c", source, { sup_spawn: { args: ["ptr"], returns: "int" } }, scratch).sup_spawn;
  const proof = prove(native, null);
  if (proof !== null) throw new Error(`cannot start processes: ${proof}`);
  return {
    spawn: (request, cgroup) => spawn(native, request, cgroup),
    proveCgroup: (directory) => prove(native, directory),
  };
}

/** By a start that must fail at its last step. Null, or what is wrong. */
function prove(native: Native, cgroup: string | null): string | null {
  return flawOf(attempt(native, NOTHING, "/proc/self/no-such-file", {}, NOBODY, cgroup));
}

/** What the outcome of a start of a program that does not exist tells about the machine; null: nothing bad. */
export function flawOf(outcome: Spawned): string | null {
  if (outcome.ok)
    return (
      "a process that shares this one's memory (clone with CLONE_VM and CLONE_VFORK) is made with a copy of it, " +
      "so that errors before its program runs would be lost. Emulators of single programs (qemu-user) do that; a virtual machine does not"
    );
  if (outcome.stage === "exec" && outcome.errno === ENOENT) return null;
  return `a start made to try it failed at the wrong step (${outcome.stage}: ${errnoWords(outcome.errno)})`;
}

type Native = (attempt: ReturnType<typeof ptr>) => number;

const NOBODY: Credentials = { uid: null, gid: null, groups: null };
const NOTHING: SpawnRequest = {
  argv: ["nothing"],
  env: {},
  cwd: null,
  identity: { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} },
  fds: [null, null, null],
};

function spawn(native: Native, request: SpawnRequest, cgroup: string | null): Spawned {
  const command = request.argv[0] ?? "";
  const flaw = [...request.argv, ...Object.entries(request.env).flat(), request.cwd ?? ""].find((text) => text.includes("\0"));
  if (flaw !== undefined) return failed("resolve", EINVAL, `${JSON.stringify(flaw)} (a zero byte cannot be passed to a program)`);
  const path = findCommand(command, request.env.PATH, request.cwd);
  if (!path.ok) return failed("resolve", path.error, command || "(empty command)");
  const credentials = credentialsOf(request.identity);
  if (!credentials.ok) return failed("user", ENOENT, credentials.error);
  const limits: Record<string, Limit> = { nofile: defaultNofile(), ...request.identity.limits };
  const unknown = Object.keys(limits).find((name) => RLIMITS[name] === undefined);
  if (unknown !== undefined) return failed("limits", EINVAL, unknown);
  if (credentials.value.uid !== null) giveOutput(request.fds, credentials.value.uid);
  return attempt(native, request, path.value, limits, credentials.value, cgroup);
}

/** A program that opens /dev/stdout anew (nginx's `access_log /dev/stdout`) needs the pipe to be its user's own. */
function giveOutput(fds: SpawnRequest["fds"], uid: number): void {
  for (const fd of fds.slice(1, 3)) {
    try {
      if (fd !== null && fstatSync(fd).isFIFO()) fchownSync(fd, uid, KEEP_GROUP);
    } catch {
      // Not ours to give away (no CAP_CHOWN): writing to what is open works all the same.
    }
  }
}

/** Fills `struct attempt` of spawn.c. */
function attempt(
  native: Native,
  request: SpawnRequest,
  path: string,
  limits: Readonly<Record<string, Limit>>,
  { uid, gid, groups }: Credentials,
  cgroup: string | null,
): Spawned {
  const { argv, env, cwd, identity, fds } = request;
  const cgroupFd = cgroup === null ? -1 : open(cgroup, O_DIRECTORY);
  if (cgroup !== null && cgroupFd < 0) return failed("cgroup", -cgroupFd, cgroup);
  const keep: unknown[] = [];
  const text = (value: string | null | undefined): number => {
    if (value === null || value === undefined) return 0;
    const bytes = cstring(value);
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
  keep.push(args, variables, descriptors, groupIds, limitIds, pairs);

  const record = Buffer.alloc(144);
  const pointers = [
    text(path),
    args.pointer,
    variables.pointer,
    text(cwd),
    text(identity.oomScoreAdj?.toString()),
    ptr(variables.pidTexts),
    address(descriptors),
    address(groupIds),
    address(limitIds),
    ptr(pairs),
  ];
  pointers.forEach((pointer, i) => record.writeBigUInt64LE(BigInt(pointer), i * 8));
  const numbers = [
    cgroupFd,
    fds.length,
    groups?.length ?? -1,
    names.length,
    identity.umask ?? DEFAULT_UMASK,
    Number(identity.nice !== null),
    identity.nice ?? 0,
    Number(gid !== null),
    gid ?? 0,
    Number(uid !== null),
    uid ?? 0,
  ];
  numbers.forEach((number, i) => record.writeInt32LE(number | 0, 80 + i * 4));

  const pid = native(ptr(record));
  if (cgroupFd >= 0) libc.close(cgroupFd);
  keep.length = 0; // only now may the garbage collector have what C was reading
  if (pid > 0) return { ok: true, pid };
  const stage = SPAWN_STAGES[record.readInt32LE(124)]!;
  const number = record.readInt32LE(128);
  const detail = record.readInt32LE(132);
  return failed(stage, number, stage === "cgroup" ? cgroup! : subject(stage, number, path, names[detail] ?? "", detail, request));
}

/** Where a slice begins, also when it is empty (an empty view has no address of its own). */
function address(view: Int32Array | Uint32Array): number {
  return ptr(view.buffer) + view.byteOffset;
}

/**
 * NAME=value for each. BUN_ variables would change what a service that runs on Bun does; they come from the daemon's
 * caller, never from a unit. Variables that hold the pid are left room for it: only the child knows it.
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

const whom = ({ user, group }: SpawnRequest["identity"]): string =>
  [user === null ? "" : `user ${user}`, group === null ? "" : `group ${group}`].filter(Boolean).join(", ");

const failed = (stage: SpawnStage, errno: number, about: string): Spawned => ({ ok: false, stage, errno, subject: about });

/** The thing that the failing step was about, for "cannot start web: SUBJECT: no such file or directory". */
function subject(
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
  if (stage === "groups" || stage === "gid" || stage === "uid") return whom(identity);
  if (stage === "chdir") return cwd ?? "";
  if (stage === "exec" && errno === ENOENT && existsSync(path)) return `${path}: its interpreter${interpreter(path)}`;
  return path;
}

/** ENOENT for a file that exists is about the program named by its #! line, or about the loader of an ELF file. */
function interpreter(path: string): string {
  const fd = openSync(path, O.RDONLY);
  try {
    const head = Buffer.alloc(256);
    const line = head.toString("latin1", 0, readSync(fd, head)).split("\n", 1)[0]!;
    return line.startsWith("#!") ? ` ${line.slice(2).trim().split(/\s/, 1)[0]}` : "";
  } finally {
    closeSync(fd);
  }
}

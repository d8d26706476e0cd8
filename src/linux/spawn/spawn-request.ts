/** Encodes a request for the spawn server as one block of bytes, which contains struct request (spawn-server.c) and the data it refers to. */
import type { SpawnRequest } from "../../ports/processes.ts";
import type { StructLayout } from "../ffi/c-exports.ts";
import { type Rlimit, RLIMITS, toKernel } from "./rlimits.ts";
import type { Credentials } from "./users.ts";

// prettier-ignore
export const REQUEST_FIELDS = [
  "candidate_count", "is_search", "argument_count", "has_cwd", "has_oom_score_adj", "variable_count", "pid_variable_count",
  "strings_at", "vectors_at", "limits_at", "limit_count", "groups_at", "group_count", "fds_at", "fd_count", "umask", "has_nice",
  "nice", "has_gid", "gid", "has_uid", "uid", "has_terminal",
] as const;

export type RequestLayout = StructLayout<(typeof REQUEST_FIELDS)[number]>;

export interface ResolvedRequest {
  readonly request: SpawnRequest;
  /** The files to try. The first file that can be executed is executed. */
  readonly candidates: readonly string[];
  readonly limits: Readonly<Record<string, Rlimit>>;
  readonly credentials: Credentials;
}

/** The default of systemd (systemd.exec(5), UMask=). The daemon's own umask is stricter, to protect its sockets and logs. */
const DEFAULT_UMASK = 0o022;
/** The size of struct limit, which consists of a number and two values of 8 bytes each. */
const LIMIT_BYTES = 24;

/** Encodes a request. `firstFd` is the index of the first open descriptor of `request.fds` among the descriptors that the server receives. */
export function encodeRequest(
  layout: RequestLayout,
  { request, candidates, limits, credentials }: ResolvedRequest,
  firstFd: number,
): Buffer {
  const { argv, cwd, identity, fds } = request;
  const { variables, pidVariables } = environment(request.env);
  const oomScoreAdj = identity.oomScoreAdj === null ? [] : [String(identity.oomScoreAdj)];
  const strings = [...candidates, ...argv, ...(cwd === null ? [] : [cwd]), ...oomScoreAdj, ...variables];
  const joined = `${strings.join("\0")}\0`;
  const names = Object.keys(limits);
  const groups = credentials.groups ?? [];

  const limitsAt = layout.sizeBytes + (-layout.sizeBytes & 7);
  const vectorsAt = limitsAt + names.length * LIMIT_BYTES;
  const groupsAt = vectorsAt + (strings.length + 3) * 8;
  const fdsAt = groupsAt + groups.length * 4;
  const stringsAt = fdsAt + fds.length * 4;
  const bytes = Buffer.alloc(stringsAt + Buffer.byteLength(joined));

  layout.write(bytes, {
    candidate_count: candidates.length,
    is_search: Number(!argv[0]!.includes("/")),
    argument_count: argv.length,
    has_cwd: Number(cwd !== null),
    has_oom_score_adj: oomScoreAdj.length,
    variable_count: variables.length,
    pid_variable_count: pidVariables,
    strings_at: stringsAt,
    vectors_at: vectorsAt,
    limits_at: limitsAt,
    limit_count: names.length,
    groups_at: groupsAt,
    group_count: credentials.groups?.length ?? -1,
    fds_at: fdsAt,
    fd_count: fds.length,
    umask: identity.umask ?? DEFAULT_UMASK,
    has_nice: Number(identity.nice !== null),
    nice: identity.nice ?? 0,
    has_gid: Number(credentials.gid !== null),
    gid: credentials.gid ?? 0,
    has_uid: Number(credentials.uid !== null),
    uid: credentials.uid ?? 0,
    has_terminal: Number(request.terminal === true),
  });
  names.forEach((name, i) => {
    const at = limitsAt + i * LIMIT_BYTES;
    bytes.writeBigUInt64LE(BigInt(RLIMITS[name]!), at);
    bytes.writeBigUInt64LE(toKernel(limits[name]!.soft), at + 8);
    bytes.writeBigUInt64LE(toKernel(limits[name]!.hard), at + 16);
  });
  groups.forEach((group, i) => bytes.writeUInt32LE(group, groupsAt + i * 4));
  let next = firstFd;
  fds.forEach((fd, i) => bytes.writeInt32LE(fd === null ? -1 : next++, fdsAt + i * 4));
  bytes.write(joined, stringsAt);
  return bytes;
}

/** Variables whose value is the pid of the process. See sd_listen_fds(3) and sd_watchdog_enabled(3). */
const PID_VARIABLES = ["LISTEN_PID", "WATCHDOG_PID"];
const PID_DIGITS = 12;

/**
 * Returns a string NAME=value for each variable. BUN_ variables are left out, because they would change the behaviour of a service
 * that runs on Bun. They come from the process that started the daemon, never from a unit. Variables with the pid come last. Their
 * values are blanks that the child overwrites, because only the child knows its pid.
 */
function environment(env: Readonly<Record<string, string>>): { readonly variables: readonly string[]; readonly pidVariables: number } {
  const variables: string[] = [];
  for (const [name, value] of Object.entries(env))
    if (!name.startsWith("BUN_") && !PID_VARIABLES.includes(name)) variables.push(`${name}=${value}`);
  const named = PID_VARIABLES.filter((name) => env[name] !== undefined);
  for (const name of named) variables.push(`${name}=${" ".repeat(PID_DIGITS)}`);
  return { variables, pidVariables: named.length };
}

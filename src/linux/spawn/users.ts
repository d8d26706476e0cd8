/** Reads the user database (passwd(5), group(5)) through libc, which uses all sources in nsswitch.conf (files, LDAP, systemd). */
import { CString, type Pointer, ptr, read } from "bun:ffi";
import { err, ok, type Result } from "../../base/result.ts";
import type { Account, Users } from "../../ports/users.ts";
import type { IdentitySpec } from "../../spec/spec.ts";
import { cstring, libc } from "../ffi/libc.ts";

export type User = Account;

/** Implements ports/users.ts. A null name means the user that the daemon runs as. */
export const openUsers = (): Users => ({ lookup: (name) => (name === null ? ownAccount() : lookupUser(name)) });

/**
 * Returns the user of the daemon. In a container, the uid may have no entry in the database. In that case the home directory
 * comes from HOME, as for `~` in a shell.
 */
function ownAccount(): User {
  const uid = libc.geteuid();
  const home = process.env.HOME?.startsWith("/") === true ? process.env.HOME : "/";
  return userWithId(uid) ?? { ...unlisted(uid), home };
}

/**
 * Finds a user by name or uid. A decimal number that is not the name of a user is a uid, which needs no entry in the database. Returns
 * null if there is no such user.
 */
export function lookupUser(nameOrId: string): User | null {
  return userNamed(nameOrId) ?? (isId(nameOrId) ? (userWithId(Number(nameOrId)) ?? unlisted(Number(nameOrId))) : null);
}

/** Returns a user without an entry in the database. The gid is the same number as the uid, so that processes never keep the group of root. */
const unlisted = (uid: number): User => ({ name: String(uid), uid, gid: uid, home: "/", shell: "/bin/sh" });

export function userWithId(uid: number): User | null {
  return passwd((record, strings, found) => libc.getpwuid_r(uid, ptr(record), ptr(strings), strings.byteLength, ptr(found)));
}

/** Returns the gid for a name or a decimal number, or null if there is no group with this name. A number needs no entry in the database. */
export function lookupGroup(nameOrId: string): number | null {
  const name = cstring(nameOrId);
  const gid = entry(
    32,
    (record, strings, found) => libc.getgrnam_r(ptr(name), ptr(record), ptr(strings), strings.byteLength, ptr(found)),
    (at) => read.u32(at, 16),
  );
  return gid ?? (isId(nameOrId) ? Number(nameOrId) : null);
}

/** Returns true if this process may give its files to the group. */
export const mayGiveTo = (gid: number): boolean => libc.geteuid() === 0 || gid === process.getegid!() || process.getgroups!().includes(gid);

/** Returns all groups of the user as in initgroups(3), including `gid`. */
export function groupsOf(user: string, gid: number): number[] {
  const name = cstring(user);
  const count = new Int32Array([64]);
  for (;;) {
    const groups = new Uint32Array(count[0]!);
    if (libc.getgrouplist(ptr(name), gid, ptr(groups), ptr(count)) >= 0) return [...groups.subarray(0, count[0])];
    if (count[0]! <= groups.length) count[0] = groups.length * 2; // musl does not set the required count
  }
}

/** The ids to which the new process changes before exec. Null means that the process keeps the ids of the daemon. */
export interface Credentials {
  readonly uid: number | null;
  readonly gid: number | null;
  readonly groups: readonly number[] | null;
}

/** Returns the ids for a user and a group. The error names the unknown user or group, for a message. */
export function credentialsOf({ user, group }: Pick<IdentitySpec, "user" | "group">): Result<Credentials, string> {
  const gid = group === null ? null : lookupGroup(group);
  if (group !== null && gid === null) return err(`group ${group}`);
  const privileged = libc.geteuid() === 0; // other users cannot change their groups, and keep their own ids
  if (user === null) return ok({ uid: null, gid, groups: privileged && gid !== null ? [gid] : null });

  const known = lookupUser(user);
  if (known === null) return err(`user ${user}`);
  const primary = gid ?? known.gid;
  return ok({ uid: known.uid, gid: primary, groups: privileged ? groupsOf(known.name, primary) : null });
}

/** Returns true for a valid id. 4294967295 is (uid_t) -1, which means "no change" to the kernel, so it is not a valid id. */
const isId = (value: string): boolean => /^\d{1,10}$/.test(value) && Number(value) < 0xffff_ffff;

function userNamed(user: string): User | null {
  const name = cstring(user);
  return passwd((record, strings, found) => libc.getpwnam_r(ptr(name), ptr(record), ptr(strings), strings.byteLength, ptr(found)));
}

/**
 * A call of a function such as getpwnam_r. It fills a record, stores the strings of the record in `strings`, and stores the address of
 * the record in `found`.
 */
type Query = (record: Buffer, strings: Buffer, found: BigUint64Array) => number;

/** Returns the user from a struct passwd, which has the fields name, passwd, uid, gid, gecos, dir and shell. */
function passwd(query: Query): User | null {
  return entry(48, query, (at) => ({
    name: string(at, 0),
    uid: read.u32(at, 16),
    gid: read.u32(at, 20),
    home: string(at, 32),
    shell: string(at, 40),
  }));
}

const ERANGE = 34;

function entry<T>(bytes: number, query: Query, decode: (at: Pointer) => T): T | null {
  const record = Buffer.alloc(bytes);
  const found = new BigUint64Array(1);
  for (let size = 4096; size <= 1 << 20; size *= 4) {
    const strings = Buffer.alloc(size);
    const error = query(record, strings, found);
    if (error === ERANGE) continue;
    return error === 0 && found[0] !== 0n ? decode(ptr(record)) : null;
  }
  return null;
}

function string(record: Pointer, at: number): string {
  return new CString(read.ptr(record, at) as Pointer).toString();
}

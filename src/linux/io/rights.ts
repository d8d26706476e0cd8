import { ptr } from "bun:ffi";
import { libc, SYSCALL, syscall } from "../ffi/libc.ts";
import type { Credentials } from "../spawn/users.ts";

/**
 * Runs synchronous file access with the rights of a user. It uses setfsuid(2), which also drops root's capabilities over
 * files. These system calls change only the calling thread. After setresuid(2) the user could send signals to this thread,
 * but after setfsuid(2) this is impossible.
 */
export function withRightsOf<T>(credentials: Credentials | null, access: () => T): T {
  const own = libc.geteuid();
  if (credentials === null || own !== 0 || (credentials.uid === null && credentials.gid === null)) return access();
  const { uid, gid, groups } = credentials;
  const ownGroups = currentGroups();
  const ownGid = syscall(SYSCALL.setfsgid, -1);
  try {
    if (groups !== null) setGroups(groups);
    if (gid !== null) setFsId(SYSCALL.setfsgid, gid);
    if (uid !== null) setFsId(SYSCALL.setfsuid, uid);
    return access();
  } finally {
    setFsId(SYSCALL.setfsuid, own);
    setFsId(SYSCALL.setfsgid, ownGid);
    if (groups !== null) setGroups(ownGroups);
  }
}

/**
 * Runs a quick action of root's daemon with the effective ids of a user. A server to which the action connects sees these ids
 * (SO_PEERCRED). The real and the saved user id stay root's. These two ids decide whether the user can send signals to this
 * thread (kill(2)). The system calls bypass libc, because libc would change all threads.
 */
export function withIdsOf<T>({ uid, gid, groups }: Credentials, action: () => T): T {
  const ownGroups = currentGroups();
  const ownGid = syscall(SYSCALL.setfsgid, -1); // without another call it is the effective id
  try {
    if (groups !== null) setGroups(groups);
    if (gid !== null) setEffectiveId(SYSCALL.setresgid, gid);
    if (uid !== null) setEffectiveId(SYSCALL.setresuid, uid);
    return action();
  } finally {
    setEffectiveId(SYSCALL.setresuid, 0);
    setEffectiveId(SYSCALL.setresgid, ownGid);
    if (groups !== null) setGroups(ownGroups);
  }
}

function setEffectiveId(call: number, id: number): void {
  if (syscall(call, -1, id, -1) !== 0) throw new Error(`cannot take the id ${id}`);
}

/** Calls setfsuid(2) or setfsgid(2). Both calls return the previous id even if they had no effect, so a second call checks the result. */
function setFsId(call: number, id: number): void {
  syscall(call, id);
  if (syscall(call, -1) !== id) throw new Error(`cannot take the rights of the id ${id}`);
}

function currentGroups(): number[] {
  const count = syscall(SYSCALL.getgroups, 0);
  const groups = new Uint32Array(Math.max(1, count));
  const got = syscall(SYSCALL.getgroups, count, ptr(groups));
  if (got < 0) throw new Error("cannot read the groups of this process");
  return [...groups.subarray(0, got)];
}

function setGroups(groups: readonly number[]): void {
  const list = Uint32Array.from(groups.length > 0 ? groups : [0]);
  if (syscall(SYSCALL.setgroups, groups.length, ptr(list)) !== 0) throw new Error("cannot take the groups of a user");
}

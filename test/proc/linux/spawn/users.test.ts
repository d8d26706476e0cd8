import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { credentialsOf, groupsOf, lookupGroup, lookupUser, userWithId } from "../../../../src/linux/spawn/users.ts";

const isRoot = process.getuid!() === 0;
const rows = (file: string): string[][] =>
  readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .filter((row) => row.length > 3);

test("every user of /etc/passwd is found by name and by number, with home and shell", () => {
  for (const [name, , uid, gid, , home, shell] of rows("/etc/passwd")) {
    expect(lookupUser(name!)).toEqual({ name: name!, uid: Number(uid), gid: Number(gid), home: home!, shell: shell! });
    expect(lookupUser(uid!)?.uid).toBe(Number(uid));
    expect(userWithId(Number(uid))?.uid).toBe(Number(uid));
  }
});

test("every group of /etc/group is found; a name needs an entry, a number does not", () => {
  for (const [name, , gid] of rows("/etc/group")) expect(lookupGroup(name!)).toBe(Number(gid));
  expect(lookupGroup("54321")).toBe(54321);
  expect(lookupGroup("no-such-group")).toBeNull();
  expect(lookupUser("no-such-user")).toBeNull();
});

test("a uid needs no entry either: its group has the same number and its home is /", () => {
  expect(lookupUser("54321")).toEqual({ name: "54321", uid: 54321, gid: 54321, home: "/", shell: "/bin/sh" });
  expect(lookupUser("4294967295")).toBeNull();
  const groups = isRoot ? [54321] : null;
  expect(credentialsOf({ user: "54321", group: null })).toEqual({ ok: true, value: { uid: 54321, gid: 54321, groups } });
});

test("supplementary groups are those that list the user, plus the primary group", () => {
  expect(groupsOf("root", 0)).toContain(0);
  const listed = rows("/etc/group").find(([, , , members]) => members);
  const member = listed?.[3]?.split(",")[0];
  if (listed && member && lookupUser(member)) expect(groupsOf(member, 4711)).toEqual(expect.arrayContaining([4711, Number(listed[2])]));
});

test("without user and group nothing changes; -1 is not an id", () => {
  expect(credentialsOf({ user: null, group: null })).toEqual({ ok: true, value: { uid: null, gid: null, groups: null } });
  expect(credentialsOf({ user: "4294967295", group: "1" })).toEqual({ ok: false, error: "user 4294967295" });
});

import { afterAll, expect, test } from "bun:test";
import { chmodSync, constants, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openOwnFile, readRegularFile, writeOwnFile } from "../../../../src/linux/io/regular-files.ts";
import { credentialsOf } from "../../../../src/linux/spawn/users.ts";
import { makeFifo } from "../../../../src/linux/io/fifo.ts";
import { tempDir } from "../../../harness/temp.ts";

const temp = tempDir();
afterAll(() => temp[Symbol.dispose]());
const at = (name: string): string => join(temp.path, name);
const isRoot = process.getuid?.() === 0;

writeFileSync(at("text"), "hello");
writeFileSync(at("large"), "x".repeat(2049));
writeFileSync(at("root"), "secret", { mode: 0o600 });
makeFifo(at("fifo"), 0o644);
mkdirSync(at("directory"));
symlinkSync("/dev/zero", at("zero"));
symlinkSync(at("text"), at("link"));
symlinkSync(at("root"), at("link-to-root"));
symlinkSync(at("loop"), at("loop"));
chmodSync(temp.path, 0o755);

test.each([
  ["text", "hello"],
  ["link", "hello"],
  ["large", "it is larger than 2 KiB"],
  ["fifo", "it is not a regular file"],
  ["zero", "it is not a regular file"],
  ["directory", "it is a directory"],
  ["none", "ENOENT"],
  ["loop", "ELOOP"],
])("reading %s gives %j, without waiting", (name, wanted) => {
  const read = readRegularFile(at(name), 2048);
  expect(read.ok ? read.value.toString() : read.error).toBe(wanted);
});

test.if(isRoot)("as root: a file is read with the rights of a user and its groups, which end with the call", () => {
  const credentials = credentialsOf({ user: "nobody", group: null });
  if (!credentials.ok) throw new Error(credentials.error);
  const error = (name: string, given = credentials.value): string => {
    const read = readRegularFile(at(name), 2048, given);
    return read.ok ? read.value.toString() : read.error;
  };
  const groups = process.getgroups!();
  expect(error("text")).toBe("hello");
  expect(error("root")).toBe("EACCES");
  expect(error("link-to-root")).toBe("EACCES");
  expect(error("root", { uid: 65534, gid: 65534, groups: [0] })).toBe("EACCES"); // mode 0600
  writeFileSync(at("group"), "for the group", { mode: 0o640 });
  expect(error("group")).toBe("EACCES");
  expect(error("group", { uid: 65534, gid: 65534, groups: [65534, 0] })).toBe("for the group");
  expect(error("group", { uid: 65534, gid: 0, groups: [] })).toBe("for the group");
  expect(process.getgroups!()).toEqual(groups);
  expect(readFileSync(at("root"), "utf8")).toBe("secret");
  expect(readFileSync("/proc/thread-self/status", "utf8")).toMatch(/^Uid:\t0\t0\t0\t0$/m);
  expect(readFileSync("/proc/thread-self/status", "utf8")).toMatch(/^Gid:\t0\t0\t0\t0$/m);
});

test("files of sup itself: neither a link nor a FIFO is opened in their place", () => {
  expect(() => openOwnFile(at("link"), constants.O_RDONLY)).toThrow("is a symbolic link");
  expect(() => openOwnFile(at("fifo"), constants.O_RDONLY)).toThrow("is not a regular file");
  expect(() => writeOwnFile(at("link"), "x", "append")).toThrow("is a symbolic link");
  expect(() => writeOwnFile(at("fifo"), "x", "append")).toThrow();
  expect(readFileSync(at("text"), "utf8")).toBe("hello");
  writeOwnFile(at("own"), "one", "append");
  writeOwnFile(at("own"), "two", "append");
  expect(readFileSync(at("own"), "utf8")).toBe("onetwo");
  writeOwnFile(at("own"), "3", "replace");
  expect(readFileSync(at("own"), "utf8")).toBe("3");
});

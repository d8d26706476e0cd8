import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkMachine } from "../../../src/daemon/compose/machine-check.ts";
import { findPlaces } from "../../../src/spec/places.ts";
import { tempDir } from "../../harness/temp.ts";
import { good } from "../../spec/fixtures.ts";

const isRoot = process.getuid!() === 0;

/** `key: message` of each finding. */
async function findings(unit: object): Promise<string[]> {
  const places = findPlaces({ env: { SUP_HOME: "/no/such/home" }, uid: 1000, home: "/" });
  const found = await checkMachine([good(unit).spec], places);
  return found.map(({ key, message }) => `${key}: ${message}`);
}

function script(path: string, text: string, mode = 0o755): string {
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test("a unit whose user, files, directory and commands exist has no findings", async () => {
  using dir = tempDir();
  const env = script(join(dir.path, "env"), "A=1\n", 0o644);
  expect(
    await findings({
      command: "sh",
      args: ["-c", "true"],
      working_directory: dir.path,
      environment_files: [env, "-/no/such/file"],
      pre_start: [{ command: "true" }],
      health_check: { type: "exec", command: "/bin/true" },
    }),
  ).toEqual([]);
  expect(await findings({ command: "no-such-program | cat", shell: true })).toEqual([]);
});

test("what is missing is found under the key that names it", async () => {
  using dir = tempDir();
  const plain = script(join(dir.path, "plain"), "#!/bin/sh\n", 0o644);
  mkdirSync(join(dir.path, "folder"));
  expect(await findings({ command: "no-such-program" })).toEqual([
    "command: cannot execute no-such-program: no such file or directory (ENOENT)",
  ]);
  expect(await findings({ command: "${NOWHERE}" })).toEqual([
    expect.stringContaining("command: cannot expand command: the variable NOWHERE is not set"),
  ]);
  expect(await findings({ command: join(dir.path, "folder") })).toEqual([expect.stringContaining("is a directory (EISDIR)")]);
  expect(await findings({ command: plain })).toEqual([expect.stringContaining("permission denied (EACCES)")]);
  expect(await findings({ command: "true", working_directory: "/no/such/directory" })).toEqual([
    "working_directory: cannot change to the working directory /no/such/directory: no such file or directory (ENOENT)",
  ]);
  expect(await findings({ command: "true", working_directory: plain })).toEqual([expect.stringContaining("it is not a directory")]);
  expect(await findings({ command: "true", environment_files: ["/no/such/file"] })).toEqual([
    expect.stringContaining("environment_files: cannot read environment file /no/such/file: no such file or directory (ENOENT)"),
  ]);
  expect(await findings({ command: "true", user: "no-such-user" })).toEqual(["user: there is no user no-such-user"]);
  expect(await findings({ command: "true", group: "no-such-group" })).toEqual(["group: there is no group no-such-group"]);
  if (isRoot) expect(await findings({ command: "true", user: "54321" })).toEqual([]);
  expect(
    await findings({
      command: "true",
      pre_start: [{ command: "true" }, { command: "no-such-hook" }],
      post_stop: [{ command: "no-such-end" }],
      reload: { command: "no-such-reload" },
      health_check: { type: "tcp", port: 1, fallback_check: { type: "exec", command: "no-such-check" } },
    }),
  ).toEqual([
    expect.stringContaining("pre_start: cannot execute no-such-hook"),
    expect.stringContaining("post_stop: cannot execute no-such-end"),
    expect.stringContaining("reload.command: cannot execute no-such-reload"),
    expect.stringContaining("health_check.fallback_check.command: cannot execute no-such-check"),
  ]);
});

test("everything that is missing is reported at once, whatever else is missing", async () => {
  const unit = {
    command: "/no/such/program",
    working_directory: "/no/such/directory",
    environment_files: ["/no/such/a", "-/no/such/optional", "/no/such/b"],
    user: "no-such-user",
  };
  expect((await findings(unit)).map((line) => line.split(":")[0])).toEqual([
    "user",
    "environment_files",
    "environment_files",
    "working_directory",
    "command",
  ]);
  // The home directory of a user who does not exist is unknown.
  expect(await findings({ command: "~/program", user: "no-such-user" })).toEqual(["user: there is no user no-such-user"]);
  // The missing file may set the variable.
  expect(await findings({ command: "${PROGRAM}", environment_files: ["/no/such/a"] })).toHaveLength(1);
});

test("a script with Windows line endings, or with an interpreter that does not exist", async () => {
  using dir = tempDir();
  const windows = script(join(dir.path, "windows"), "#!/usr/bin/env sh\r\necho\r\n");
  const orphan = script(join(dir.path, "orphan"), "#! /no/such/interpreter -x\n");
  expect(await findings({ command: windows })).toEqual([
    expect.stringContaining(`command: cannot execute ${windows}: its first line ends in a carriage return`),
  ]);
  expect(await findings({ command: orphan })).toEqual([
    `command: cannot execute ${orphan}: its interpreter /no/such/interpreter does not exist`,
  ]);
});

test("the group of a log must exist, be allowed and be the same in all units", async () => {
  const unit = (group: string): object => ({ command: "true", log: { group } });
  const own = String(process.getegid!());
  expect(await findings(unit(own))).toEqual([]);
  expect(await findings(unit("no such group"))).toEqual(["log.group: there is no group no such group"]);
  expect(await findings({ command: "true", conditions: [{ command: "no-such-program" }] })).toEqual([
    "conditions: cannot execute no-such-program: no such file or directory (ENOENT)",
  ]);
  const other = own === "1" ? "2" : "1";
  if (!isRoot)
    expect(await findings(unit(other))).toEqual([
      `log.group: cannot let the group ${other} read the log: only root and members of the group can give it files (EPERM)`,
    ]);
  const specs = [good(unit(own), "web").spec, good(unit(other), "db").spec];
  const found = await checkMachine(specs, findPlaces({ env: { SUP_HOME: "/no/such/home" }, uid: 1000, home: "/" }));
  expect(found.filter(({ id }) => id === "web").map(({ message }) => message)).toEqual([
    `cannot let the group ${own} read the log: the unit db names the group ${other}, and the log directory can belong to one group only`,
  ]);
});

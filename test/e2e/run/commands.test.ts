/** Commands that a daemon finds, or explains why it cannot execute them. */
import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();
const isRoot = process.getuid!() === 0;

test("the command `sup` is the daemon's own executable, whatever PATH says", async () => {
  const { daemon } = shared;
  const ran = await daemon.sup("run", "-f", "-e", "PATH=/no/such/directory", "--", "sup", "--version");
  expect(ran).toMatchObject({ code: 0, stdout: (await daemon.sup("--version")).stdout });
});

test("a script with Windows line endings is named as such: by a failed start, in the log of env's failure, and by verify", async () => {
  const { daemon } = shared;
  const script = (name: string, firstLine: string): string => {
    const path = join(daemon.home, name);
    writeFileSync(path, `${firstLine}\r\necho hello\r\n`);
    chmodSync(path, 0o755);
    return path;
  };
  await shared.drop("direct", { command: script("direct.sh", "#!/bin/sh"), auto_restart: false });
  await shared.drop("by-env", { command: script("by-env.sh", "#!/usr/bin/env sh"), auto_restart: false });
  const started = await daemon.sup("start", "direct");
  expect(started).toMatchObject({ code: 1, stderr: expect.stringContaining("Windows line endings") });
  await daemon.sup("start", "by-env");
  await until(() => daemon.log("by-env").includes("Windows line endings"), { what: "the note in the log" });
  const verified = await daemon.sup("verify");
  expect(verified.stderr.match(/Windows line endings/g)).toHaveLength(2);
});

test.if(isRoot)("a unit runs as a user and group that are in no database", async () => {
  const { daemon } = shared;
  const ran = await daemon.sup("run", "-f", "--user", "54321", "--dir", "/", "--", "sh", "-c", 'id -u; id -g; echo "$HOME $USER"');
  expect(ran).toMatchObject({ code: 0, stdout: "54321\n54321\n/ 54321\n" });
});

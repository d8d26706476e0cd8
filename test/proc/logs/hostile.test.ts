/** A log directory to which others write: what they put there is neither read nor written through. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDaemonLog } from "../../../src/daemon/lifecycle/daemon-log.ts";
import { makeFifo } from "../../../src/linux/io/fifo.ts";
import { LogKit, logSpec, until } from "./kit.ts";

test("a link in place of a log is neither written nor read; the loss is reported with its cause", async () => {
  await using kit = new LogKit();
  const victim = join(kit.dir, "victim");
  writeFileSync(victim, "precious\n");
  symlinkSync(victim, join(kit.logDir, "web.log"));
  kit.logs.open("web", logSpec());
  await kit.run("web", ["echo", "overwrites"]).exited;
  kit.logs.endRun("web");
  expect(readFileSync(victim, "utf8")).toBe("precious\n");
  expect(kit.logs.read("web", {})).toEqual([]);
  expect(kit.logs.trail("web", {}).next()).toBeNull();
  await until("the loss to be reported", () => kit.losses.length > 0);
  expect(kit.losses[0]).toMatchObject({ why: "disk", lines: 1 });
  expect(kit.losses[0]!.cause).toContain("is a symbolic link");
});

test("a log that is replaced by a link while it is open goes on in no other file", async () => {
  let now = Date.now();
  const clock = { wallMs: () => now, monotonicMs: () => now };
  await using kit = new LogKit({ clock });
  const victim = join(kit.dir, "victim");
  writeFileSync(victim, "precious\n");
  kit.logs.open("web", logSpec());
  await kit.run("web", ["echo", "one"]).exited;
  kit.logs.endRun("web");
  rmSync(join(kit.logDir, "web.log"));
  symlinkSync(victim, join(kit.logDir, "web.log"));
  now += 2000;
  await kit.run("web", ["echo", "two"]).exited;
  kit.logs.endRun("web");
  expect(readFileSync(victim, "utf8")).toBe("precious\n");
});

test("a FIFO in place of a log blocks nothing", async () => {
  await using kit = new LogKit();
  makeFifo(join(kit.logDir, "web.log"), 0o600);
  kit.logs.open("web", logSpec());
  await kit.run("web", ["echo", "text"]).exited;
  kit.logs.endRun("web");
  expect(kit.logs.read("web", {})).toEqual([]);
  await until("the loss to be reported", () => kit.losses.length > 0);
  expect(kit.losses[0]!.cause).toContain("is not a regular file");
});

test("a link in place of the file that a compression writes is replaced, not followed", async () => {
  await using kit = new LogKit();
  const victim = join(kit.dir, "victim");
  writeFileSync(victim, "precious\n");
  kit.logs.open("web", logSpec({ maxSizeBytes: 1000, compress: "zstd" }));
  kit.logs.note("web", "one"); // the directory was scanned, and what a crash left deleted
  symlinkSync(victim, join(kit.logDir, "web.log.zst.unfinished"));
  await kit.run("web", ["seq", "1", "300"]).exited;
  kit.logs.endRun("web");
  await until("a compressed file", () => existsSync(join(kit.logDir, "web.log.2.zst")));
  expect(readFileSync(victim, "utf8")).toBe("precious\n");
});

test("the daemon's own log does not follow a link either, and goes on without", () => {
  const kit = new LogKit();
  const victim = join(kit.dir, "victim");
  writeFileSync(victim, "precious\n");
  symlinkSync(victim, join(kit.dir, "sup.log"));
  const log = openDaemonLog(join(kit.dir, "sup.log"), { echo: true, now: () => 0 });
  log.info("a word");
  expect(readFileSync(victim, "utf8")).toBe("precious\n");
  expect(lstatSync(join(kit.dir, "sup.log")).isSymbolicLink()).toBe(true);
  void kit[Symbol.asyncDispose]();
});

test("a log directory that others can write to is reported", async () => {
  await using kit = new LogKit();
  expect(kit.problems).toEqual([]);
  chmodSync(kit.logDir, 0o777);
  kit.restart();
  expect(kit.problems.join()).toContain("other users can write to the log directory");
});

/** Wrong commands, and the exit codes that scripts rely on. */
import { expect, test } from "bun:test";
import { SUP } from "../../harness/daemon.ts";
import { run, type Ran } from "../../harness/run.ts";
import { crasher, sleeper } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { tempDir } from "../../harness/temp.ts";

const shared = sharedDaemon({ units: { web: sleeper({ enabled: true }), off: sleeper(), bad: crasher(1, { auto_restart: false }) } });

test.each([
  ["an unknown command", ["strat", "web"], 2, "start"],
  ["an unknown option", ["start", "web", "--forec"], 2, "--forec"],
  ["a missing argument", ["start"], 2, "unit"],
  ["too many arguments", ["version", "extra"], 2, "extra"],
  ["a count that is not a number", ["logs", "web", "-n", "many"], 2, "many"],
  ["an option without its value", ["logs", "web", "-n"], 2, "-n"],
  ["an unknown daemon action", ["daemon", "explode"], 2, "explode"],
  ["an unknown unit", ["start", "wbe"], 4, "wbe"],
  ["an unknown unit to status", ["status", "wbe"], 4, "wbe"],
  ["an unknown group", ["stop", "@nobody"], 4, "@nobody"],
  ["a glob without a match", ["stop", "zzz*"], 4, "zzz*"],
  ["a unit that does not run", ["is-active", "off"], 3, ""],
  ["status of one that does not run", ["status", "off"], 3, ""],
  ["a unit that is not enabled", ["is-enabled", "off"], 1, ""],
  ["a unit that has not failed", ["is-failed", "web"], 1, ""],
] as const)("%s: the exit code is right and the message names the wrong word", async (_, args, code, word) => {
  const ran = await shared.daemon.sup(...args);
  expect(ran.code).toBe(code);
  expect(ran.stdout + ran.stderr).toContain(word);
  expect(ran.stderr + ran.stdout).not.toMatch(/\n\s+at .*\(.*:\d+:\d+\)/); // no stack trace
});

test("errors are JSON with --json, on standard output, with a code, a message and the same exit code", async () => {
  const parse = (ran: Ran): { error: { code: string; message: string } } => JSON.parse(ran.stdout) as never;
  const unknown = await shared.daemon.sup("status", "nobody", "--json");
  expect(unknown.code).toBe(4);
  expect(parse(unknown).error.code).toBe("no-such-unit");
  using dir = tempDir();
  const nobody = await run([SUP, "status", "--json"], { env: { PATH: "/usr/bin:/bin", HOME: dir.path, SUP_HOME: dir.path } });
  expect(nobody.code).toBe(5);
  expect(parse(nobody).error.code).toBe("unreachable");
  const usage = await shared.daemon.sup("status", "--nonsense", "--json");
  expect(usage.code).toBe(2);
  expect(parse(usage).error.code).toBe("bad-request");
});

test("without a daemon every client command fails with 5 and starts none", async () => {
  using dir = tempDir();
  const env = { PATH: "/usr/bin:/bin", HOME: dir.path, SUP_HOME: dir.path, NO_COLOR: "1" };
  for (const args of [
    ["status"],
    ["list"],
    ["start", "web"],
    ["stop", "web"],
    ["logs", "web"],
    ["events"],
    ["reload"],
    ["health"],
    ["daemon", "stop"],
    ["daemon", "status"],
  ]) {
    const { code, stderr } = await run([SUP, ...args], { env });
    expect({ args, code }).toEqual({ args, code: 5 });
    expect(stderr).toContain("sup daemon");
  }
});

test("a similar command or unit is suggested", async () => {
  const { stderr } = await shared.daemon.sup("restrat", "web");
  expect(stderr).toContain("restart");
  expect((await shared.daemon.sup("start", "wbe")).stderr).toContain("web");
});

test("no escape sequences without a terminal", async () => {
  for (const args of [["status"], ["status", "web"], ["list"], ["events"], ["help"], ["start", "nobody"]]) {
    const { stdout, stderr } = await run([SUP, ...args], { env: { ...shared.daemon.env, NO_COLOR: "" } });
    expect(stdout + stderr).not.toContain("\u001b");
  }
});

test("every command has help", async () => {
  const { code, stdout } = await shared.daemon.sup("help");
  expect(code).toBe(0);
  for (const command of ["status", "start", "logs", "daemon", "verify"]) {
    expect(stdout).toContain(command);
    const one = await shared.daemon.sup(command, "--help");
    expect(one.code).toBe(0);
    expect(one.stdout).toContain(`sup ${command}`);
  }
});

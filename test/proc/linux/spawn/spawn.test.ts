import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Exit } from "../../../../src/base/exit.ts";
import { ownChildren, readStat } from "../../../../src/linux/proc/proc.ts";
import { selfTestProblem } from "../../../../src/linux/spawn/spawner.ts";
import type { SpawnRequest, SpawnResult } from "../../../../src/ports/processes.ts";
import { run } from "../../../harness/run.ts";
import { descriptors, identity, isRoot, type Machine, machine, newDescriptors, PATH, startProcess } from "../support.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sup-spawn-"));
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, "plain"), "text");
  writeFileSync(join(directory, "broken"), "no format");
  writeFileSync(join(directory, "orphaned-script"), "#!/no/such/interpreter -x\n");
  writeFileSync(join(directory, "windows-script"), "#!/bin/sh\r\necho hello\r\n");
  for (const name of ["broken", "orphaned-script", "windows-script"]) chmodSync(join(directory, name), 0o755);
  mkdirSync(join(directory, "folder"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const base: SpawnRequest = { argv: ["/bin/true"], env: { PATH }, cwd: null, identity, fds: [null, null, null] };

/** How a start ends. */
const start = async (m: Machine, change: Partial<SpawnRequest>): Promise<SpawnResult> =>
  (await startProcess(m.processes, { ...base, ...change })).result;

describe("the self-test starts a program that does not exist", () => {
  test.each([
    ["it is not found: the machine can start processes", { ok: false, stage: "resolve", errno: 2, subject: "" }, 0, null],
    ["another step fails", { ok: false, stage: "fork", errno: 1, subject: "" }, 0, "wrong step (fork: operation not permitted (EPERM))"],
    ["another error", { ok: false, stage: "resolve", errno: 13, subject: "" }, 0, "wrong step (resolve: permission denied (EACCES))"],
    ["outside its cgroup", { ok: false, stage: "resolve", errno: 2, subject: "" }, 22, "in a cgroup: invalid argument (EINVAL)"],
    ["it is started", { ok: true, pid: 7, cgroupError: 0 }, 0, "was started"],
  ] as const)("%s", (_, outcome, cgroupError, words) => {
    if (words === null) expect(selfTestProblem(outcome, cgroupError)).toBeNull();
    else expect(selfTestProblem(outcome, cgroupError)).toContain(words);
  });
});

describe("a failed start reports the step, the errno and the subject", () => {
  const cases: Array<[string, Partial<SpawnRequest>, { stage: string; errno: number; subject?: string }]> = [
    ["a command that is not on PATH", { argv: ["no-such-command"] }, { stage: "resolve", errno: 2, subject: "no-such-command" }],
    ["a path that does not exist", { argv: ["/no/such"] }, { stage: "resolve", errno: 2, subject: "/no/such" }],
    ["a directory", { argv: ["/etc"] }, { stage: "resolve", errno: 21, subject: "/etc" }],
    ["an empty command", { argv: [""] }, { stage: "resolve", errno: 2 }],
    ["a zero byte in an argument", { argv: ["/bin/true", "a\0b"] }, { stage: "resolve", errno: 22 }],
    [
      "a user that does not exist",
      { identity: { ...identity, user: "no-such-user" } },
      { stage: "user", errno: 2, subject: "user no-such-user" },
    ],
    ["a group that does not exist", { identity: { ...identity, group: "no-such" } }, { stage: "user", errno: 2, subject: "group no-such" }],
    ["an oom score out of range", { identity: { ...identity, oomScoreAdj: 5000 } }, { stage: "oom-score", errno: 22 }],
    [
      "a soft limit over the hard one",
      { identity: { ...identity, limits: { core: { soft: 9, hard: 3 } } } },
      { stage: "limits", errno: 22, subject: "core" },
    ],
    [
      "an unknown limit",
      { identity: { ...identity, limits: { nope: { soft: 1, hard: 1 } } } },
      { stage: "limits", errno: 22, subject: "nope" },
    ],
    ["a descriptor that is not open", { fds: [null, 9999] }, { stage: "descriptors", errno: 9 }],
    ["a directory that does not exist", { cwd: "/no/such/place" }, { stage: "chdir", errno: 2, subject: "/no/such/place" }],
  ];
  test.each(cases)("%s", async (_name, change, expected) => {
    using m = machine();
    expect(await start(m, change)).toMatchObject({ ok: false, ...expected });
  });

  test("a file that may not be executed, by path and on PATH", async () => {
    using m = machine();
    const failed = { ok: false, stage: "resolve", errno: 13 };
    expect(await start(m, { argv: [join(directory, "plain")] })).toMatchObject(failed);
    expect(await start(m, { argv: ["plain"], env: { PATH: directory } })).toMatchObject(failed);
  });

  test("a file that is executable but has no known format", async () => {
    using m = machine();
    expect(await start(m, { argv: [join(directory, "broken")] })).toMatchObject({
      ok: false,
      stage: "exec",
      errno: 8,
    });
  });

  test("for a script whose interpreter is missing, the subject names the interpreter", async () => {
    using m = machine();
    const path = join(directory, "orphaned-script");
    const subject = `${path}: its interpreter /no/such/interpreter`;
    expect(await start(m, { argv: [path] })).toMatchObject({ ok: false, stage: "exec", errno: 2, subject });
  });

  test("for a script with Windows line endings, the subject names them", async () => {
    using m = machine();
    const subject = expect.stringContaining("its first line ends in a carriage return (Windows line endings)");
    expect(await start(m, { argv: [join(directory, "windows-script")] })).toMatchObject({ ok: false, stage: "exec", subject });
  });

  test("it leaves no zombie and no descriptor", async () => {
    using m = machine();
    await m.sh("true");
    const children = ownChildren()!;
    const open = descriptors();
    const failed = Array.from({ length: 50 }, () => start(m, { cwd: "/no/such" }));
    expect((await Promise.all(failed)).every(({ ok }) => !ok)).toBe(true);
    expect([...ownChildren()!].filter((pid) => !children.has(pid))).toEqual([]);
    expect(newDescriptors(open)).toEqual([]);
  });
});

test("200 children at once: every exit code and signal is exact and reported once, after the start and never during spawn", async () => {
  using m = machine();
  const reported = new Map<number, Exit[]>();
  let spawning = false;
  const all: Promise<void>[] = [];
  for (let i = 0; i < 200; i++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    all.push(promise);
    spawning = true;
    const script = i % 2 === 0 ? `exit ${i}` : `kill -${[9, 15, 11, 10][(i >> 1) % 4]} $$`;
    let started = 0;
    const onStarted = (result: SpawnResult): void => {
      expect(spawning).toBe(false);
      expect(result.ok).toBe(true);
      started++;
    };
    const onExit = (exit: Exit): void => {
      expect(started).toBe(1);
      reported.set(i, [...(reported.get(i) ?? []), exit]);
      resolve();
    };
    m.processes.spawn({ ...base, argv: ["/bin/sh", "-c", `ulimit -c 0; ${script}`] }, onStarted, onExit);
    spawning = false;
  }
  await Promise.all(all);
  for (let i = 0; i < 200; i++) {
    const expected = i % 2 === 0 ? { kind: "code", code: i } : { kind: "signal", signal: [9, 15, 11, 10][(i >> 1) % 4]!, core: false };
    expect(reported.get(i)).toEqual([expected as Exit]);
  }
}, 30_000);

test("the environment is exactly the requested one without BUN_ variables; LISTEN_PID becomes the pid", async () => {
  using m = machine();
  const env = { PATH, EMPTY: "", WITH: "a=b c\nd", BUN_OPTIONS: "--smol", LISTEN_PID: "", LISTEN_FDS: "1" };
  const { output, ref } = await m.sh("exec cat /proc/self/environ", { env });
  const seen = output.split("\0").filter(Boolean).sort();
  // bash adds PWD, SHLVL, _ and OLDPWD on its own before it execs cat
  const own = ["PWD=", "SHLVL=", "_=", "OLDPWD="];
  expect(seen.filter((line) => !own.some((name) => line.startsWith(name)))).toEqual(
    ["EMPTY=", "LISTEN_FDS=1", `LISTEN_PID=${ref.pid}`, `PATH=${PATH}`, "WITH=a=b c\nd"].sort(),
  );
});

test("no descriptor leaks into the process", async () => {
  using m = machine();
  const { output } = await m.sh("", { argv: ["/bin/ls", "/proc/self/fd"] });
  expect(output.trim().split(/\s+/)).toEqual(["0", "1", "2", "3"]); // 3 is the directory that ls lists
});

test("descriptors get the right numbers, even if two of them are swapped", async () => {
  // In a separate process, whose descriptors have small numbers whatever earlier tests have left open in this one.
  const links = join(directory, "links");
  const { stdout, stderr } = await run([process.execPath, join(import.meta.dir, "swap-descriptors.ts"), links], { env: { PATH } });
  expect(stdout).toBe('{"kind":"code","code":0}\n');
  expect(stderr).toBe("");
  expect(readFileSync(links, "utf8")).toBe("/etc/group\n/etc/passwd\n/dev/null\n");
});

test("no signal is blocked or ignored in the process, not even SIGPIPE", async () => {
  using m = machine();
  const { output } = await m.sh("", { argv: ["/bin/cat", "/proc/self/status"] });
  for (const field of ["SigBlk", "SigIgn", "SigCgt"]) expect(output).toMatch(new RegExp(`${field}:\\s+0000000000000000`));
});

test("the process is the leader of its own session and process group", async () => {
  using m = machine();
  const { ref } = await m.start("exec sleep 1000");
  expect(readStat(ref.pid)).toMatchObject({ session: ref.pid, group: ref.pid });
});

test("the soft limit of open files is 1024 unless the unit sets one", async () => {
  using m = machine();
  expect((await m.sh("ulimit -Sn")).output.trim()).toBe("1024");
  const limits = { nofile: { soft: 77, hard: 99 }, core: { soft: 0, hard: null } };
  const given = await m.sh("ulimit -Sn; ulimit -Hn; ulimit -Sc", { identity: { ...identity, limits } });
  expect(given.output.trim().split("\n")).toEqual(["77", "99", "0"]);
});

test("umask, nice, oom score and directory are set before exec", async () => {
  using m = machine();
  const changed = { ...identity, umask: 0o027, nice: 5, oomScoreAdj: 321 };
  const { output } = await m.sh("umask; nice; cat /proc/self/oom_score_adj; pwd", { identity: changed, cwd: "/usr" });
  expect(output.trim().split("\n")).toEqual(["0027", "5", "321", "/usr"]);
});

test("a relative command is resolved from the working directory, and relative PATH entries are skipped", async () => {
  using m = machine();
  expect((await start(m, { argv: ["./true"], cwd: "/bin" })).ok).toBe(true);
  expect(await start(m, { argv: ["true"], env: { PATH: ".:bin" }, cwd: "/" })).toMatchObject({
    stage: "resolve",
    errno: 2,
  });
});

describe.skipIf(!isRoot)("as root", () => {
  test("user, group and supplementary groups are switched, with real, effective and saved ids", async () => {
    using m = machine();
    const { output } = await m.sh("grep -E 'Uid|Gid|Groups' /proc/self/status", { identity: { ...identity, user: "nobody" } });
    expect(output).toMatch(/Uid:\t65534\t65534\t65534\t65534/);
    expect(output).toMatch(/Gid:\t65534\t65534\t65534\t65534/);
    expect(output).toMatch(/Groups:\t65534 /);
  });

  test.each([
    ["54322", "54322"],
    [null, "54321"],
  ])("numeric ids need no entry in the user database (group %s)", async (group, expected) => {
    using m = machine();
    const { output } = await m.sh("id -u; id -g; id -G", { identity: { ...identity, user: "54321", group } });
    expect(output.trim().split("\n")).toEqual(["54321", expected, expected]);
  });

  test("a working directory that only root may enter makes the start as another user fail", async () => {
    using m = machine();
    const closed = join(directory, "closed");
    mkdirSync(closed, { mode: 0o700 });
    const failed = await start(m, { cwd: closed, identity: { ...identity, user: "nobody" } });
    expect(failed).toEqual({ ok: false, stage: "chdir", errno: 13, subject: closed });
  });
});

/** `sup upgrade`: the new program in the old one's place with every service as it was, or all as before. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BECOME_NOBODY, isRoot } from "../../harness/confined.ts";
import { type Daemon, startDaemon, SUP } from "../../harness/daemon.ts";
import { alive } from "../../harness/processes.ts";
import { freePort } from "../../harness/ports.ts";
import { run, type Ran } from "../../harness/run.ts";
import { crasher, sleeper, worker } from "../../harness/services.ts";
import { tempDir, type TempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";
import { answersWith, below, cutsAt, FILE, release, sha256, Site, stallsAt, type Files } from "../install/releases.ts";
import { build, failing } from "./builds.ts";

const VERSION = JSON.parse(readFileSync(join(import.meta.dir, "../../../package.json"), "utf8")).version as string; // prettier-ignore
const NEW = "98.0.0";

let temp: TempDir;
let real = "";
let good: Files;

beforeAll(async () => {
  temp = tempDir();
  chmodSync(temp.path, 0o755);
  real = await build(temp.path, NEW);
  good = release(NEW, readFileSync(real));
}, 120_000);
afterAll(() => temp[Symbol.dispose]());

/** The program of a daemon: in a directory of its own, as it would be installed. */
const programOf = (home: string): string => join(home, "bin/sup");

function installed(home: string): string {
  const program = programOf(home);
  mkdirSync(dirname(program), { recursive: true });
  if (!existsSync(program)) copyFileSync(SUP, program);
  chmodSync(program, 0o755);
  return program;
}

const upgrade = (
  home: string,
  site: Site | string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> =>
  run([programOf(home), "upgrade", ...args], {
    env: {
      PATH: process.env.PATH!,
      HOME: home,
      SUP_HOME: home,
      NO_COLOR: "1",
      SUP_BASE_URL: typeof site === "string" ? site : site.url,
      ...env,
    },
    cwd: home,
    timeoutMs: 50_000,
  });

const versionOf = async (home: string): Promise<string> => (await run([programOf(home), "version"])).stdout.trim();
const daemonOf = async (daemon: Daemon) => (await daemon.json("daemon", "status")) as { version: string; pid: number; start_time: string };

const UNITS = { web: worker({ enabled: true }), db: sleeper({ enabled: true }), done: crasher(0, { enabled: true }) };

/** A daemon with two services that run. */
async function running(more: Parameters<typeof startDaemon>[0] = {}) {
  const daemon = await startDaemon({ units: UNITS, bin: installed, ...more });
  const pids = [(await daemon.reaches("web", "running")).pid!, (await daemon.reaches("db", "running")).pid!];
  return { daemon, pids, before: await daemonOf(daemon) };
}

const pidsOf = async (daemon: Daemon): Promise<Array<number | null>> => [
  (await daemon.service("web")).pid,
  (await daemon.service("db")).pid,
];

describe("an upgrade", () => {
  test("renews program and daemon, services go on, nothing is left beside them; then there is nothing to do", async () => {
    await using site = await Site.open(good);
    const { daemon, pids, before } = await running();
    await using _ = daemon;
    const { code, stdout, stderr } = await upgrade(daemon.home, site);
    expect(stderr).toBe("");
    expect(stdout).toBe(`sup ${VERSION} → ${NEW}; the daemon (pid ${before.pid}) was restarted, 2 services kept running\n`);
    expect(code).toBe(0);
    expect(await daemonOf(daemon)).toMatchObject({ version: NEW, pid: before.pid });
    expect(await pidsOf(daemon)).toEqual(pids);
    expect(await versionOf(daemon.home)).toBe(`sup ${NEW}`);
    expect(readdirSync(dirname(programOf(daemon.home)))).toEqual(["sup"]);
    expect(statSync(programOf(daemon.home)).mode & 0o777).toBe(0o755);
    // what is new does what the old one did
    expect((await daemon.sup("restart", "web")).code).toBe(0);
    expect(alive(pids[0]!)).toBe(false);
    expect(await upgrade(daemon.home, site)).toMatchObject({ code: 0, stdout: `sup ${NEW} is up to date.\n` });
  }, 120_000);

  test("--check only says, --version goes back and forth, --json is for scripts", async () => {
    await using site = await Site.open(new Map([...below("latest/download", good), ...below(`download/v${VERSION}`, release(VERSION, readFileSync(SUP)))])); // prettier-ignore
    using home = tempDir();
    installed(home.path);
    expect((await upgrade(home.path, site, ["--check"])).stdout).toBe(
      `sup ${NEW} is available, this is ${VERSION}. To install it: sup upgrade\n`,
    );
    expect(JSON.parse((await upgrade(home.path, site, ["--check", "--json"])).stdout)).toEqual({
      current: VERSION, available: NEW, newer: true, from: `${site.url}/latest/download`,
    }); // prettier-ignore
    expect(await versionOf(home.path)).toBe(`sup ${VERSION}`);
    expect((await upgrade(home.path, site)).stdout).toBe(`sup ${VERSION} → ${NEW}; no daemon is running\n`);
    expect((await upgrade(home.path, site, ["--check"])).stdout).toBe(`sup ${NEW} is up to date.\n`);
    const back = await upgrade(home.path, site, ["--version", `v${VERSION}`, "--json"]);
    expect(JSON.parse(back.stdout)).toMatchObject({ from: NEW, to: VERSION, outcome: "upgraded", daemon: null });
    expect(await versionOf(home.path)).toBe(`sup ${VERSION}`);
    expect((await upgrade(home.path, site, [], { SUP_VERSION: VERSION })).stdout).toBe(`sup ${VERSION} is up to date.\n`);
  }, 120_000);

  test("a daemon that runs another program is left alone, and one of an older version is told", async () => {
    await using site = await Site.open(good);
    const { daemon, before } = await running({ bin: () => SUP });
    await using _ = daemon;
    installed(daemon.home);
    const { code, stdout } = await upgrade(daemon.home, site);
    expect(stdout).toBe(`sup ${VERSION} → ${NEW}; the daemon (pid ${before.pid}) runs ${SUP} and was left alone\n`);
    expect(code).toBe(0);
    expect(await daemonOf(daemon)).toEqual(expect.objectContaining({ start_time: before.start_time }));
    expect((await upgrade(daemon.home, site)).stderr).toContain(`note: the daemon runs ${VERSION}; \`sup daemon restart\``);
  }, 120_000);

  test.each([
    ["", null], ["latest", null], ["latest/download", null],
    [`v${NEW}`, NEW], [`download/v${NEW}`, NEW], [NEW, NEW], ["", NEW],
  ] as const)("finds what lies at '%s' when asked for %p, as install.sh does", async (directory, version) => {
    await using site = await Site.open(directory === "" ? good : below(directory, good));
    using home = tempDir();
    installed(home.path);
    const { code, stdout } = await upgrade(home.path, site, ["--check", ...(version === null ? [] : ["--version", version])]);
    expect(stdout).toBe(`sup ${NEW} is available, this is ${VERSION}. To install it: sup upgrade\n`);
    expect(code).toBe(0);
  }); // prettier-ignore
});

/** Program, daemon and services are what they were; they were not even touched. */
async function changesNothing(
  files: Files | ((site: Site) => void),
  words: string | RegExp,
  args: readonly string[] = [],
  url?: string,
): Promise<void> {
  await using site = await Site.open(typeof files === "function" ? good : files);
  if (typeof files === "function") files(site);
  const { daemon, pids, before } = await running();
  await using _ = daemon;
  const inode = statSync(programOf(daemon.home)).ino;
  const { code, stdout, stderr } = await upgrade(daemon.home, url ?? site, args);
  expect(stdout).toBe("");
  expect(code).toBe(1);
  expect(stderr).toMatch(words instanceof RegExp ? words : new RegExp(words.replace(/[.*+?()[\]]/g, "\\$&")));
  expect(statSync(programOf(daemon.home)).ino).toBe(inode);
  expect(readdirSync(dirname(programOf(daemon.home)))).toEqual(["sup"]);
  expect(await daemonOf(daemon)).toEqual(expect.objectContaining({ start_time: before.start_time, version: VERSION }));
  expect(await pidsOf(daemon)).toEqual(pids);
}

describe("before anything is changed it is found out that", () => {
  const script = (text: string): Files => release(NEW, `#!/bin/sh\n${text}\n`);
  const SAYS = `[ "$1" = version ] && echo 'sup ${NEW}' && exit 0`;

  test.each([
    ["the file was changed", () => new Map([...good, [FILE, Bun.gzipSync(Buffer.from("evil"))]]), "is wrong: the file is damaged or was changed"],
    ["there is no build for this machine", () => new Map([...good, ["SHA256SUMS", "00  sup-linux-riscv.gz\n"]]), `has no ${FILE}`],
    ["there is no release", () => new Map(), "there is no release at"],
    ["what is listed is not there", () => new Map([...good].filter(([name]) => name !== FILE)), "the server does not have it"],
    ["it is no program", () => release(NEW, "\u007fELF no program"), /does not run on this machine: it cannot be executed[^]*/],
    ["it is no archive", () => broken("not gzip"), "cannot unpack the new executable"],
    ["it does not start", () => script("echo broken pipe dream >&2; exit 7"), /does not run on this machine: it exits with 7\n {2}broken pipe dream/],
    ["its daemon ends at start", () => script(`${SAYS}; echo 'no such thing' >&2; exit 3`), `sup ${NEW} does not work on this machine: its daemon exits with 3 at start: no such thing`],
    ["its daemon never answers", () => script(`${SAYS}; exec sleep 1000`), "its daemon does not answer within 2 s"],
    ["its daemon is of another version", () => script(`${SAYS}; exec '${SUP}' "$@"`), `its daemon reports version ${VERSION}`],
  ])("%s", (_, files, words) => changesNothing(files(), words, `${words}`.includes("within 2 s") ? ["--timeout", "2"] : []), 90_000); // prettier-ignore

  function broken(content: string): Files {
    const files: Files = new Map([...good, [FILE, content]]);
    return files.set("SHA256SUMS", `${sha256(content)}  ${FILE}\n`);
  }

  test("there is no such version, or it is another than was asked for", async () => {
    await changesNothing(good, "there is no release 97.0.0 at", ["--version", "97.0.0"]);
    const unsaid = new Map([...good].filter(([name]) => name !== "VERSION"));
    await changesNothing(unsaid, `there is no release 97.0.0 at`, ["--version", "97.0.0"]);
  }, 90_000);

  test("the server fails, or the connection is cut, or nobody is there", async () => {
    await changesNothing((site) => void (site.manner = answersWith(502, "SHA256SUMS")), "the server answers 502");
    await changesNothing((site) => void (site.manner = cutsAt(FILE)), /cannot download \S+: .+\n {2}check the network/);
    await changesNothing(good, /cannot download .+SHA256SUMS: /, [], `http://127.0.0.1:${freePort()}`);
  }, 90_000);

  test.if(isRoot)("the place cannot be written", async () => {
    await using site = await Site.open(good);
    using home = tempDir();
    installed(home.path);
    chmodSync(home.path, 0o755);
    const env = { PATH: process.env.PATH!, HOME: "/nonexistent", SUP_HOME: join(home.path, "none"), SUP_BASE_URL: site.url };
    const { code, stderr } = await run([...BECOME_NOBODY, programOf(home.path), "upgrade"], { env });
    expect(stderr).toContain("/bin: EACCES\n  run this as the user who installed sup, for example root");
    expect(code).toBe(1);
    expect(site.asked).not.toContain(FILE);
  });

  test("it is not for this command line: no address, another machine, no version", async () => {
    using home = tempDir();
    installed(home.path);
    expect(await upgrade(home.path, "")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("set the address: SUP_BASE_URL=URL sup upgrade"),
    });
    expect(await upgrade(home.path, "/x", ["--url", "http://localhost:1"])).toMatchObject({ code: 2 });
    expect(await upgrade(home.path, "/x", ["--version", "../../etc"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is not a version"),
    });
  });
});

test("killed in the middle of the download, nothing has changed, and the next one cleans up", async () => {
  await using site = await Site.open(good);
  using home = tempDir();
  const program = installed(home.path);
  site.manner = stallsAt(FILE);
  const env = { PATH: process.env.PATH!, HOME: home.path, SUP_HOME: home.path, SUP_BASE_URL: site.url };
  const child = Bun.spawn([program, "upgrade"], { env, stdio: ["ignore", "ignore", "ignore"] });
  await until(() => site.asked.includes(FILE), { what: "the download to begin" });
  child.kill("SIGKILL");
  await child.exited;
  expect(await versionOf(home.path)).toBe(`sup ${VERSION}`);
  expect(readdirSync(dirname(program))).toHaveLength(2);
  site.manner = () => false;
  expect(await upgrade(home.path, site)).toMatchObject({ code: 0 });
  expect(readdirSync(dirname(program))).toEqual(["sup"]);
}, 90_000);

/** What never answers is waited for so long: long enough for the daemons that do answer meanwhile, on a busy machine. */
const PATIENCE_S = 6;

/** The daemon meets a program that fails it: the old program is back, a daemon runs, and every service is the process it was. */
async function takesBack(
  files: Files,
  words: string,
  during: (pid: number, cli: number) => Promise<void> = async () => {},
): Promise<Daemon> {
  await using site = await Site.open(files);
  const { daemon, pids } = await running();
  const inode = statSync(programOf(daemon.home)).ino;
  const env = { PATH: process.env.PATH!, HOME: daemon.home, SUP_HOME: daemon.home, NO_COLOR: "1", SUP_BASE_URL: site.url };
  const child = Bun.spawn([programOf(daemon.home), "upgrade", "--timeout", String(PATIENCE_S)], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  await during(daemon.pid, child.pid);
  const [code, stderr] = await Promise.all([child.exited, child.stderr.text()]);
  expect(stderr).toContain(`was undone: ${words}`);
  expect(code).toBe(1);
  const now = await daemonOf(daemon);
  expect(stderr).toContain(`sup ${VERSION} is running (pid ${now.pid}), 2 services kept running`);
  expect(now.version).toBe(VERSION);
  expect(statSync(programOf(daemon.home)).ino).toBe(inode);
  expect(readdirSync(dirname(programOf(daemon.home)))).toEqual(["sup"]);
  expect(await pidsOf(daemon)).toEqual(pids);
  expect(await daemon.service("web")).toMatchObject({ state: "running", restart_count: 0 });
  // and it is their master again
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  expect(alive(pids[0]!)).toBe(false);
  return daemon;
}

/** The daemon that was started anew is nobody's child here. */
async function ends(daemon: Daemon): Promise<void> {
  expect((await daemon.sup("daemon", "stop")).code).toBe(0);
  await daemon[Symbol.asyncDispose]();
}

describe("a program that fails only the daemon of the services is taken back", () => {
  test("one that dies at start", async () => {
    await ends(await takesBack(release(NEW, failing(real, NEW, "exit 3")), "the daemon ended while starting"));
  }, 120_000);

  test("one that is killed while it starts", async () => {
    await ends(await takesBack(release(NEW, failing(real, NEW, "kill -9 $$")), "the daemon ended while starting"));
  }, 120_000);

  test("one that comes up and never answers", async () => {
    await ends(await takesBack(release(NEW, failing(real, NEW, "exec sleep 1000")), `the daemon did not answer within ${PATIENCE_S} s`));
  }, 120_000);

  test("one that never answers, while the terminal is closed and somebody presses Ctrl-C", async () => {
    const files = release(NEW, failing(real, NEW, "exec sleep 1000"));
    const daemon = await takesBack(files, `the daemon did not answer within ${PATIENCE_S} s`, async (pid, cli) => {
      await until(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep"), {
        what: "the daemon to hang",
        timeoutMs: 30_000,
      });
      for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.kill(cli, signal);
    });
    await ends(daemon);
  }, 120_000);

  test("one that says it is another version", async () => {
    await ends(await takesBack(release(NEW, failing(real, NEW, `exec '${SUP}' "$@"`)), `the daemon reports version ${VERSION}`));
  }, 120_000);

  test("one that changed the store before it died: the store is as it was", async () => {
    const program = await build(temp.path, "98.1.0", [
      { file: "src/adapters/sqlite/migrations.ts", from: "`,\n];", to: "`,\n  `CREATE TABLE of_the_future (x)`,\n];" },
      {
        file: "src/daemon/lifecycle/run.ts",
        from: "  const parts = made.value;",
        to: "  const parts = made.value;\n  if (handover !== null) process.exit(3);",
      },
    ]);
    const daemon = await takesBack(release("98.1.0", readFileSync(program)), "the daemon ended while starting");
    expect(readdirSync(join(daemon.home, "state")).filter((name) => name.includes(".v"))).toEqual([]);
    expect((await daemon.sup("events", "web")).stdout).toContain("running");
    await ends(daemon);
  }, 90_000);
});

test("a daemon in the background is started again as it was, with its directories", async () => {
  await using site = await Site.open(release(NEW, failing(real, NEW, "exit 3")));
  using home = tempDir();
  const program = installed(home.path);
  const units = join(home.path, "other");
  mkdirSync(units);
  writeFileSync(join(units, "api.unit.json"), JSON.stringify(sleeper({ enabled: true })));
  writeFileSync(join(home.path, "sup.json"), '{"api": {"port": 0}}');
  const env = { PATH: process.env.PATH!, HOME: home.path, SUP_HOME: home.path, NO_COLOR: "1" };
  const sup = (...args: string[]): Promise<Ran> => run([program, ...args], { env, cwd: home.path });
  expect(await sup("daemon", "start", "--units", units)).toMatchObject({ code: 0 });
  const { pid } = JSON.parse((await sup("status", "api", "--json")).stdout) as { pid: number };
  expect((await upgrade(home.path, site)).stderr).toContain("1 service kept running");
  expect(JSON.parse((await sup("status", "api", "--json")).stdout)).toMatchObject({ pid, state: "running" });
  expect(JSON.parse((await sup("daemon", "status", "--json")).stdout)).toMatchObject({ unit_path: [units], version: VERSION });
  expect((await sup("daemon", "stop")).code).toBe(0);
}, 120_000);

/** `sup migrate supervisord` with a real supervisord. */
import { existsSync, mkdirSync, readFileSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { SUP, startDaemon, type Daemon } from "../../harness/daemon.ts";
import { run } from "../../harness/run.ts";
import { until } from "../../harness/until.ts";

const isInstalled = Bun.which("supervisord") !== null && Bun.which("flock") !== null;
if (!isInstalled)
  console.warn("supervisord (Debian's package supervisor) or flock is not installed: `sup migrate supervisord` is not tested");

/** Holds a lock as long as it runs. If two copies run, it writes their name to the file `both`. */
const COPY = `#!/bin/sh
exec 9>>"$2/$1.lock"
flock -n 9 || echo "$1" >>"$2/both"
echo "$1 is up"
exec sleep 1000
`;

class Supervisord implements AsyncDisposable {
  readonly directory: string;
  readonly config: string;
  #child: Bun.Subprocess | null = null;

  constructor(daemon: Daemon, programs: (directory: string) => string) {
    this.directory = join(daemon.home, "supervisord");
    this.config = join(this.directory, "supervisord.conf");
    mkdirSync(this.directory);
    writeFileSync(join(this.directory, "copy.sh"), COPY);
    chmodSync(join(this.directory, "copy.sh"), 0o755);
    const socket = join(this.directory, "s.sock");
    writeFileSync(
      this.config,
      `[unix_http_server]\nfile=${socket}\n[supervisorctl]\nserverurl=unix://${socket}\n[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=${this.directory}/pid\nchildlogdir=${this.directory}\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n${programs(this.directory)}`,
    );
  }

  async start(ready: string): Promise<void> {
    this.#child = Bun.spawn(["supervisord", "-c", this.config], {
      env: { PATH: process.env.PATH! },
      stdio: ["ignore", "ignore", "ignore"],
    });
    await until(async () => (await this.states())[ready] === "RUNNING", { what: `${ready} to run in supervisord`, timeoutMs: 30_000 });
  }

  async control(...args: string[]): Promise<string> {
    return (await run(["supervisorctl", "-c", this.config, ...args], { env: { PATH: process.env.PATH! } })).stdout;
  }

  async states(): Promise<Record<string, string>> {
    const lines = (await this.control("status")).split("\n").map((line) => line.split(/\s+/));
    return Object.fromEntries(lines.filter(([name]) => name !== "").map(([name, state]) => [name!, state!]));
  }

  /** Returns the names of the programs of which two copies ran at the same time. */
  both(): string {
    const file = join(this.directory, "both");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill("SIGTERM");
    await this.#child?.exited;
  }
}

const program = (name: string, command: string, more = ""): string => `[program:${name}]\ncommand=${command}\nstartsecs=1\n${more}`;

interface Migrated {
  readonly programs: ReadonlyArray<{
    readonly name: string;
    readonly decision: string;
    readonly result: string | null;
    readonly message: string | null;
  }>;
  readonly remains: readonly string[];
  readonly interrupted?: boolean;
}

const resultsOf = ({ programs }: Migrated): Record<string, string | null> =>
  Object.fromEntries(programs.map(({ name, decision, result }) => [name, result ?? decision]));

describe.skipIf(!isInstalled)("supervisord", () => {
  test("moves the programs one by one; one that refuses to run here is put back; never do two copies run", async () => {
    await using daemon = await startDaemon();
    await using supervisord = new Supervisord(daemon, (dir) =>
      [
        program("web", `${dir}/copy.sh web ${dir}`, `environment=API_TOKEN="hush"\n`),
        program("many", "sleep 1000", "numprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\n"),
        program("refuses", `/bin/sh -c '[ -z "$SUP_INVOCATION_ID" ] || exit 7; exec ${dir}/copy.sh refuses ${dir}'`),
        program("off", "sleep 1000", "autostart=false\n"),
      ].join(""),
    );
    await supervisord.start("refuses");
    const migrate = ["migrate", "supervisord", "--config", supervisord.config];

    const plan = await daemon.sup(...migrate);
    expect(plan).toMatchObject({ code: 0, stderr: "" });
    expect(plan.stdout).toContain("web → web  move: 1 process");
    expect(plan.stdout).toContain("many → many  move: 2 processes");
    expect(plan.stdout).toContain("off → off  only import: it is STOPPED in supervisord");
    expect(plan.stdout).toContain("Nothing was changed. To carry this out: sup migrate supervisord --yes");
    expect((await supervisord.states()).web).toBe("RUNNING");
    expect(existsSync(join(daemon.home, "units/web.unit.json"))).toBe(false);

    const moved = await daemon.sup(...migrate, "--yes", "--settle", "2", "--json");
    const report = JSON.parse(moved.stdout) as Migrated;
    expect(resultsOf(report)).toEqual({ web: "moved", many: "moved", refuses: "put-back", off: "imported" });
    expect(moved.code).toBe(1);
    expect(report.programs.find(({ name }) => name === "refuses")?.message).toMatch(/exit code 7.*it runs in supervisord again/);
    expect(report.remains.join("\n")).toContain(`${supervisord.config} [program:web]`);
    expect(report.remains.join("\n")).not.toContain("No program of supervisord is left");
    expect(await supervisord.states()).toEqual({
      web: "STOPPED",
      "many:many_00": "STOPPED",
      "many:many_01": "STOPPED",
      refuses: "RUNNING",
      off: "STOPPED",
    });
    expect(await daemon.service("web")).toMatchObject({ state: "running", enabled: true });
    expect(await daemon.service("many@2")).toMatchObject({ state: "running", enabled: true });
    expect(await daemon.service("refuses")).toMatchObject({ state: "stopped", enabled: false });
    expect(await daemon.service("off")).toMatchObject({ state: "stopped", enabled: false });
    expect(readFileSync(join(daemon.home, "units/web.env"), "utf8")).toContain("hush");

    const again = JSON.parse((await daemon.sup(...migrate, "--yes", "--settle", "2", "--json")).stdout) as Migrated;
    expect(resultsOf(again)).toEqual({ web: "done", many: "done", refuses: "put-back", off: "done" });
    expect(supervisord.both()).toBe("");
  });

  test("a program that leaves processes behind when it stops is not started here", async () => {
    await using daemon = await startDaemon();
    await using supervisord = new Supervisord(daemon, (dir) => program("leaves", `/bin/sh -c 'sleep 1000 & echo $! >>${dir}/pids; wait'`));
    await supervisord.start("leaves");
    const report = JSON.parse((await daemon.sup("migrate", "supervisord", "-c", supervisord.config, "--yes", "--json")).stdout) as Migrated;
    for (const pid of readFileSync(join(supervisord.directory, "pids"), "utf8").trim().split("\n")) process.kill(Number(pid));
    expect(resultsOf(report)).toEqual({ leaves: "put-back" });
    expect(report.programs[0]?.message).toMatch(/processes of the process group \d+ still run.*stopasgroup=true/);
    expect((await daemon.service("leaves")).start_time).toBeNull();
  });

  test("Ctrl-C finishes the current program, and the next migration goes on; a killed migration is finished by the next", async () => {
    await using daemon = await startDaemon();
    const copy = (dir: string, name: string, more = ""): string => program(name, `${dir}/copy.sh ${name} ${dir}`, more);
    // SIGCONT does not end the first program, so that its stop takes a second, until SIGKILL.
    await using supervisord = new Supervisord(
      daemon,
      (dir) => copy(dir, "first", "stopsignal=CONT\nstopwaitsecs=1\n") + copy(dir, "second") + copy(dir, "third"),
    );
    await supervisord.start("third");
    const args = ["migrate", "supervisord", "--config", supervisord.config, "--yes", "--json"];
    const spawn = (settle: number): Bun.Subprocess<"ignore", "pipe", "pipe"> =>
      Bun.spawn([SUP, ...args, "--settle", String(settle)], {
        env: daemon.env,
        cwd: daemon.home,
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
    const runs = async (name: string): Promise<boolean> => (await daemon.sup("is-active", "-q", name)).code === 0;

    const interrupted = spawn(1);
    await until(async () => (await supervisord.states()).first === "STOPPING", { what: "the first program to be stopped there" });
    process.kill(-interrupted.pid, "SIGINT"); // as a terminal does, to the whole process group
    expect(await interrupted.exited).toBe(1);
    const report = JSON.parse(await interrupted.stdout.text()) as Migrated;
    expect(resultsOf(report)).toEqual({ first: "moved", second: "move", third: "move" });
    expect(report.interrupted).toBe(true);
    expect(await supervisord.states()).toEqual({ first: "STOPPED", second: "RUNNING", third: "RUNNING" });

    const killed = spawn(60);
    await until(() => runs("second"), { what: "the second program to run here" });
    killed.kill("SIGKILL");
    await killed.exited;
    expect((await daemon.service("second")).enabled).toBe(false);

    const finished = await daemon.sup(...args, "--settle", "1");
    expect(finished.code).toBe(0);
    const last = JSON.parse(finished.stdout) as Migrated;
    expect(resultsOf(last)).toEqual({ first: "done", second: "moved", third: "moved" });
    expect(last.remains.join("\n")).toContain("No program of supervisord is left");
    expect((await daemon.service("second")).enabled).toBe(true);
    expect(supervisord.both()).toBe("");
  });
});

test("without a running supervisord, the command says what it looked for", async () => {
  await using daemon = await startDaemon();
  const missing = await daemon.sup("migrate", "supervisord", "--config", "nothing.conf");
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("cannot find supervisord's configuration: there is no nothing.conf");
});

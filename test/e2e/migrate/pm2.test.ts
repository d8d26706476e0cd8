/** `sup migrate pm2` with a real PM2. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "bun:test";
import { install } from "../../../bench/peers/pm2.ts";
import { SUP, startDaemon } from "../../harness/daemon.ts";
import { run, type Ran } from "../../harness/run.ts";
import { until } from "../../harness/until.ts";

const pm2 = Bun.which("node") === null ? null : await install();
if (pm2 === null) console.warn("npm cannot install PM2, or there is no node: `sup migrate pm2` is not tested");

/** Listens on a socket as long as it runs. If two copies run, the second one writes its name to the file `both`. */
const COPY = `
const [name, directory] = process.argv.slice(2);
require("node:net").createServer().on("error", () => require("node:fs").appendFileSync(directory + "/both", name)).listen("\\0" + directory + name);
console.log("up", process.env.APP_COLOUR, process.env.PM2_HOME, process.env.DEPLOY_TOKEN);
`;

class Pm2 implements AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;

  constructor(home: string) {
    this.env = { PATH: `${dirname(pm2!)}:${process.env.PATH}`, HOME: home, PM2_HOME: join(home, "pm2"), PM2_DISABLE_VERSION_CHECK: "true" };
  }

  call(...args: string[]): Promise<Ran> {
    return run([pm2!, ...args], { env: { ...this.env, APP_COLOUR: "green", DEPLOY_TOKEN: "hush" }, timeoutMs: 60_000 });
  }

  async states(): Promise<Record<string, string>> {
    const { stdout } = await this.call("jlist");
    const list = JSON.parse(stdout.slice(stdout.indexOf("["))) as Array<{ name: string; pm2_env: { status: string } }>;
    return Object.fromEntries(list.map(({ name, pm2_env }) => [name, pm2_env.status]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = Number(readFileSync(join(this.env.PM2_HOME!, "pm2.pid"), "utf8"));
    await this.call("kill");
    await until(() => !existsSync(`/proc/${pid}`), { what: "PM2 to end" });
  }
}

interface Migrated {
  readonly programs: ReadonlyArray<{
    readonly name: string;
    readonly decision: string;
    readonly result: string | null;
    readonly why: string;
  }>;
  readonly remains: readonly string[];
}

describe.skipIf(pm2 === null)("PM2", () => {
  test("moves the apps one by one, with their environment; one that refuses to run here is put back; never do two copies run", async () => {
    await using daemon = await startDaemon();
    const directory = join(daemon.home, "apps");
    mkdirSync(directory);
    writeFileSync(join(directory, "copy.js"), COPY);
    writeFileSync(join(directory, "refuses.js"), `if (process.env.SUP_INVOCATION_ID) process.exit(7);\n${COPY}`);
    const app = (name: string, more: object = {}): object => ({
      name,
      script: "copy.js",
      cwd: directory,
      args: [name, directory],
      ...more,
    });
    const apps = [
      app("web"),
      app("many", { script: "sleep", interpreter: "none", args: "1000", exec_mode: "fork", instances: 2 }),
      app("refuses", { script: "refuses.js" }),
      app("nightly", { cron_restart: "0 3 * * *" }),
    ];
    writeFileSync(join(directory, "ecosystem.json"), JSON.stringify({ apps }));
    await using other = new Pm2(daemon.home);
    expect(await other.call("start", join(directory, "ecosystem.json"))).toMatchObject({ code: 0 });
    const sup = (...args: string[]): Promise<Ran> =>
      run([SUP, "migrate", "pm2", ...args], { env: { ...daemon.env, ...other.env }, timeoutMs: 120_000 });

    const plan = await sup();
    expect(plan).toMatchObject({ code: 0, stderr: "" });
    expect(plan.stdout).toContain("web → web  move: 1 process");
    expect(plan.stdout).toContain("only import: PM2 starts a stopped app again when its cron_restart is due");
    expect((await other.states()).web).toBe("online");

    const moved = await sup("--yes", "--json", "--settle", "2");
    const report = JSON.parse(moved.stdout) as Migrated;
    expect(Object.fromEntries(report.programs.map(({ name, result }) => [name, result]))).toEqual({
      web: "moved",
      many: "moved",
      refuses: "put-back",
      nightly: "imported",
    });
    expect(await other.states()).toEqual({ web: "stopped", many: "stopped", refuses: "online", nightly: "online" });
    expect(await daemon.service("web")).toMatchObject({ state: "running", enabled: true });
    expect(await daemon.service("many@2")).toMatchObject({ state: "running", enabled: true });
    expect(await daemon.service("nightly-restart")).toMatchObject({ schedule: { active: false } });
    expect(daemon.log("web")).toContain("up green undefined hush");
    expect(readFileSync(join(daemon.home, "units/web.unit.json"), "utf8")).not.toContain("hush");
    expect(report.remains).toContain("  pm2 delete web many && pm2 save --force");
    expect(existsSync(join(directory, "both"))).toBe(false);
  }, 120_000);
});

test("without a running PM2, the command says so, and starts none", async () => {
  await using daemon = await startDaemon();
  const missing = await daemon.sup("migrate", "pm2", "--yes");
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain(`no PM2 is running with the home ${daemon.home}/.pm2`);
  expect(existsSync(join(daemon.home, ".pm2"))).toBe(false);
});

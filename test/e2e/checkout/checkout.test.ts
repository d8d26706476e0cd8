/** Runs the README's commands for a checkout in a fresh copy of the source. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Status } from "../../../src/api/contract/shapes.ts";
import { freePort } from "../../harness/ports.ts";
import { processesOf } from "../../harness/processes.ts";
import { run } from "../../harness/run.ts";
import { tempDir, type TempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const CTRL_C = "\u0003";

/** The source files, including uncommitted ones; fails when git does not know them (an unpacked archive). */
const listed = await run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT, env: { PATH: process.env.PATH ?? "" } }); // prettier-ignore

/** The copy uses the machine's npm cache, so that packages are downloaded only once. */
const cache = await run(["npm", "config", "get", "cache"], { cwd: ROOT, env: environment(process.env.HOME ?? "/") });

function environment(home: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => /^(PATH|npm_config_.*|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)$/i.test(name)); // prettier-ignore
  return { ...(Object.fromEntries(kept) as Record<string, string>), HOME: home, NO_COLOR: "1" };
}

function copySource(to: string): void {
  for (const name of listed.stdout.split("\0")) {
    const from = join(ROOT, name);
    if (name === "" || !existsSync(from) || statSync(from).isDirectory()) continue; // deleted and not committed
    mkdirSync(dirname(join(to, name)), { recursive: true });
    copyFileSync(from, join(to, name));
  }
}

let temp: TempDir;
let source = "";
beforeAll(() => {
  temp = tempDir();
  source = join(temp.path, "source");
  if (listed.code === 0) copySource(source);
});
afterAll(() => temp[Symbol.dispose]());

const inCheckout = test.if(listed.code === 0);

inCheckout(
  "npm start: builds, runs the sample units, serves the page; Ctrl-C ends all in order with 0; the second time it is quick",
  async () => {
    // Other programs on this machine may use the ports of the samples and of the page.
    const port = freePort();
    mkdirSync(join(source, "units/web.unit.json.d"));
    writeFileSync(join(source, "units/web.unit.json.d/port.json"), JSON.stringify({ port }));
    const env = { ...environment(temp.path), npm_config_cache: cache.stdout.trim() };

    // Without SUP_HOME it stays below the checkout, also as root.
    for (const [time, home, given] of [
      ["first", temp.path, { SUP_HOME: temp.path }],
      ["second", join(source, "dist/home"), {}],
    ] as const) {
      mkdirSync(home, { recursive: true });
      writeFileSync(join(home, "sup.json"), JSON.stringify({ api: { port: 0 } }));
      const sup = (...args: string[]): ReturnType<typeof run> =>
        run([join(source, "dist/sup"), ...args], { env: { ...env, SUP_HOME: home } });
      let screen = "";
      const child = Bun.spawn(["npm", "start"], {
        cwd: source,
        env: { ...env, ...given },
        terminal: { cols: 150, rows: 50, data: (_, bytes) => void (screen += Buffer.from(bytes).toString()) },
      });
      const shows = (...texts: string[]): Promise<unknown> =>
        until(() => texts.every((text) => screen.includes(text)) || child.exitCode !== null, {
          what: texts.join(" and "),
          timeoutMs: 90_000,
          explain: () => screen,
        });
      try {
        await shows("web: running", "heartbeat: running", "beat 1");
        expect(screen.includes("installing development dependencies"), time).toBe(time === "first");
        expect(screen.includes(" compile "), time).toBe(time === "first");

        const page = /web page: (http:\/\/127\.0\.0\.1:\d+) \(`(.*) dashboard`/.exec(screen);
        expect(page?.[2], time).toBe(`SUP_HOME=${home} dist/sup`);
        const answer = await fetch(page![1]!);
        expect(answer.status).toBe(200);
        expect(await answer.text()).toContain("<!doctype html>");
        const { services } = JSON.parse((await sup("status", "--json")).stdout) as Status;
        expect(services.map(({ id, state }) => [id, state])).toEqual([["heartbeat", "running"], ["prepare", "running"], ["web", "running"]]); // prettier-ignore
        expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toContain("ok");

        child.terminal!.write(CTRL_C);
        expect(await child.exited).toBe(0);
        expect(screen).toContain("every unit is down");
        expect(screen).toMatch(/goodbye after \d+ beats/);
        expect(screen.indexOf("heartbeat: stopped")).toBeLessThan(screen.indexOf("prepare: stopped"));
        expect(existsSync(join(home, "state/sup.db"))).toBe(true);
        expect(processesOf(home)).toEqual([]);
      } finally {
        child.kill("SIGKILL");
        for (const { pid } of processesOf(home)) process.kill(pid, "SIGKILL");
        child.terminal!.close();
      }
    }
  },
  180_000,
);

inCheckout(
  "install.sh, from anywhere or piped into a shell there: builds and installs; when the build fails, nothing is changed",
  async () => {
    using there = tempDir();
    const dir = join(there.path, "bin");
    const env = { ...environment(there.path), npm_config_cache: cache.stdout.trim() };
    const install = async (command: readonly string[], cwd: string, stdin?: string) => {
      const { code, stdout, stderr } = await run([...command, "--dir", dir], { env, cwd, timeoutMs: 90_000, ...(stdin !== undefined && { stdin }) }); // prettier-ignore
      return { code, stdout, stderr };
    };
    const version = `sup ${(JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { version: string }).version}`;

    const dry = await install(["sh", join(source, "install.sh"), "--dry-run"], "/");
    expect(dry.stdout).toBe(`would build ${source}/dist/sup and install it to ${dir}/sup\n`);
    expect(dry.code).toBe(0);
    const first = await install(["sh", join(source, "install.sh")], "/");
    expect(first.stdout).toContain(`installed ${version} to ${dir}/sup\n`);
    expect(first.code).toBe(0);
    expect((await run([join(dir, "sup"), "version"], { env })).stdout).toStartWith(version);
    const piped = await install(["sh", "-s", "--"], source, readFileSync(join(source, "install.sh"), "utf8"));
    expect(piped.stdout).toContain("in place of the same version");
    expect(piped.code).toBe(0);

    appendFileSync(join(source, "src/main.ts"), "\nthis is no program (\n");
    const broken = await install(["sh", join(source, "install.sh")], "/");
    expect(broken.stderr).toContain("the build failed; nothing was installed");
    expect(broken.code).toBe(1);
    expect((await run([join(dir, "sup"), "version"], { env })).stdout).toStartWith(version);
    expect(readdirSync(dir)).toEqual(["sup"]);
  },
  180_000,
);

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { install, VERSION as PM2_VERSION } from "../peers/pm2.ts";
import { alive, childrenOf, clean, run, until } from "../process.ts";
import { FILE_BYTES, KEEP, type Logger, missingLogger } from "./logger.ts";

const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../../dist/sup");
const QUIET = { stdio: ["ignore", "ignore", "ignore"] as ["ignore", "ignore", "ignore"] };
const CRI_PREFIX_BYTES = 40;

const debianVersion = async (name: string): Promise<string> =>
  /^\S+/.exec((await run(["dpkg-query", "-W", "-f", "${Version}", name])).stdout)?.[0] ?? "of this system";

/** `web.log.2`, `web.log.1`, `web.log`: a higher number is older. */
const numbered = (directory: string, name: string): string[] => {
  const number = (file: string): number => (file === name ? 0 : Number(/^\.(\d+)/.exec(file.slice(name.length))?.[1] ?? Number.NaN));
  return readdirSync(directory)
    .filter((file) => file.startsWith(name) && !Number.isNaN(number(file)))
    .toSorted((a, b) => number(b) - number(a))
    .map((file) => join(directory, file));
};

/** svlogd and s6-log: `@TIME.s`, then `current`. */
const stamped = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory).filter((file) => /^(@.*|current)$/.test(file)).toSorted().map((file) => join(directory, file)) : []; // prettier-ignore

/** Beside the flood run a service that is probed, and one that does nothing: what others feel of it. */
export async function supLogger(format: "cri" | "raw"): Promise<Logger> {
  if (!existsSync(SUP)) return missingLogger(`sup ${format}`, "not built (npm run build)");
  return {
    name: `sup ${format}`,
    version: (await run([SUP, "version"])).stdout.trim(),
    prefixBytes: format === "cri" ? CRI_PREFIX_BYTES : 0,
    answers: true,
    start: async (directory, [command, ...args]) => {
      mkdirSync(join(directory, "units"));
      writeFileSync(join(directory, "sup.json"), JSON.stringify({ api: { port: 0 } }));
      const unit = (name: string, spec: object): void => writeFileSync(join(directory, `units/${name}.unit.json`), JSON.stringify(spec));
      const log = { format, max_size_mb: FILE_BYTES >> 20, keep: KEEP, compress: false };
      const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("ok") });
      const health = { type: "http", endpoint: `http://127.0.0.1:${probe.port}/`, interval: 1 };
      unit("probed", { enabled: true, command: "sleep", args: ["1000"], health_check: health });
      const child = Bun.spawn([SUP, "daemon"], { env: { ...clean(process.env), SUP_HOME: directory }, ...QUIET });
      const socket = join(directory, "run/sup.sock");
      const get = async (path: string): Promise<string> => (await fetch(`http://sup${path}`, { unix: socket })).text();
      await until(() => existsSync(socket), "the daemon", 10_000);
      unit("u", { enabled: true, command, args, log });
      await get("/api/supervisor/status");
      await fetch("http://sup/api/supervisor/reload", { unix: socket, method: "POST" });
      let turn = 0;
      return {
        pids: () => [child.pid],
        ask: () => get(turn++ % 2 === 0 ? "/api/supervisor/services/probed" : "/api/supervisor/services/probed/health?run=true"),
        files: () => numbered(join(directory, "logs"), "u.log"),
        end: async () => {
          await run([SUP, "daemon", "stop"], { env: { SUP_HOME: directory } });
          child.kill("SIGTERM");
          await child.exited;
          await probe.stop(true);
        },
      };
    },
  };
}

export async function supervisordLogger(): Promise<Logger> {
  const supervisord = Bun.which("supervisord");
  if (!supervisord) return missingLogger("supervisord", "not installed (Debian: supervisor)");
  return {
    name: "supervisord",
    version: (await run([supervisord, "--version"])).stdout.trim(),
    prefixBytes: 0,
    start: (directory, argv) => {
      const config = join(directory, "supervisord.conf");
      writeFileSync(
        config,
        `[supervisord]
logfile=${directory}/supervisord.log
pidfile=${directory}/supervisord.pid
[program:u]
command=${argv.join(" ")}
stdout_logfile=${directory}/u.log
stdout_logfile_maxbytes=${FILE_BYTES}
stdout_logfile_backups=${KEEP}
`,
      );
      const child = Bun.spawn([supervisord, "-n", "-c", config], QUIET);
      return Promise.resolve({
        pids: () => [child.pid],
        ask: null,
        files: () => numbered(directory, "u.log"),
        end: async () => {
          child.kill("SIGTERM");
          await child.exited;
        },
      });
    },
  };
}

export async function svlogdLogger(): Promise<Logger> {
  const runsvdir = Bun.which("runsvdir");
  if (!runsvdir) return missingLogger("svlogd", "not installed (Debian: runit)");
  return {
    name: "svlogd",
    version: await debianVersion("runit"),
    prefixBytes: 0,
    start: (directory, argv) => {
      const service = join(directory, "sv/u");
      const kept = join(directory, "kept");
      mkdirSync(join(service, "log"), { recursive: true });
      mkdirSync(kept);
      writeFileSync(join(service, "run"), `#!/bin/sh\nexec ${argv.join(" ")}\n`, { mode: 0o755 });
      writeFileSync(join(service, "log/run"), `#!/bin/sh\nexec svlogd -b 65536 ${kept}\n`, { mode: 0o755 });
      writeFileSync(join(kept, "config"), `s${FILE_BYTES}\nn${KEEP}\n`);
      const child = Bun.spawn([runsvdir, join(directory, "sv")], QUIET);
      const below = (): number[] =>
        childrenOf(child.pid).flatMap((pid) => [pid, ...childrenOf(pid).filter((one) => !isService(one, argv))]);
      return Promise.resolve({
        pids: () => [child.pid, ...below()],
        ask: null,
        files: () => stamped(kept),
        end: async () => {
          await run(["sv", "-w", "20", "down", service]);
          const runsvs = childrenOf(child.pid);
          child.kill("SIGHUP");
          await child.exited;
          await until(() => !runsvs.some(alive), "runsv to end", 20_000);
        },
      });
    },
  };
}

export async function s6Logger(): Promise<Logger> {
  const scan = Bun.which("s6-svscan");
  if (!scan) return missingLogger("s6-log", "not installed (Debian: s6)");
  return {
    name: "s6-log",
    version: await debianVersion("s6"),
    prefixBytes: 0,
    start: (directory, argv) => {
      const service = join(directory, "sv/u");
      const kept = join(directory, "kept");
      mkdirSync(join(service, "log"), { recursive: true });
      writeFileSync(join(service, "run"), `#!/bin/sh\nexec ${argv.join(" ")}\n`, { mode: 0o755 });
      writeFileSync(join(service, "log/run"), `#!/bin/sh\nexec s6-log n${KEEP} s${FILE_BYTES} ${kept}\n`, { mode: 0o755 });
      const child = Bun.spawn([scan, join(directory, "sv")], QUIET);
      const below = (): number[] =>
        childrenOf(child.pid).flatMap((pid) => [pid, ...childrenOf(pid).filter((one) => !isService(one, argv))]);
      return Promise.resolve({
        pids: () => [child.pid, ...below()],
        ask: null,
        files: () => stamped(kept),
        end: async () => {
          await run(["s6-svc", "-wD", "-T", "20000", "-d", service]);
          const left = below();
          await run(["s6-svscanctl", "-t", join(directory, "sv")]);
          if (!(await Promise.race([child.exited.then(() => true), Bun.sleep(5000).then(() => false)]))) child.kill("SIGKILL");
          for (const pid of left) if (alive(pid)) process.kill(pid, "SIGKILL");
          await child.exited;
        },
      });
    },
  };
}

/** It rotates nothing by itself (pm2-logrotate, an extra, copies and truncates by a timer). */
export async function pm2Logger(): Promise<Logger> {
  const pm2 = await install();
  if (!pm2) return missingLogger("PM2", "cannot be installed (npm)");
  return {
    name: "PM2",
    version: `${PM2_VERSION}, without rotation`,
    prefixBytes: 0,
    start: async (directory, [script, ...args]) => {
      const env = { PM2_HOME: join(directory, "pm2"), PM2_DISABLE_VERSION_CHECK: "true" };
      const apps = [{ name: "u", script, args, interpreter: "none", exec_mode: "fork", out_file: join(directory, "u.log") }];
      writeFileSync(join(directory, "ecosystem.json"), JSON.stringify({ apps }));
      await run([pm2, "ping"], { env });
      const daemon = Number(readFileSync(join(env.PM2_HOME, "pm2.pid"), "latin1"));
      await run([pm2, "start", join(directory, "ecosystem.json")], { env });
      return {
        pids: () => [daemon],
        ask: null,
        files: () => numbered(directory, "u.log"),
        end: async () => {
          await run([pm2, "kill"], { env });
          if (alive(daemon)) process.kill(daemon, "SIGKILL");
          await until(() => !alive(daemon), "PM2 to end", 10_000);
        },
      };
    },
  };
}

/** The process runs the service's program, or the shell that is about to. */
function isService(pid: number, argv: readonly string[]): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[0] === argv[0];
  } catch {
    return true;
  }
}

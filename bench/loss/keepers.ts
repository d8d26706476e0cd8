import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { install, VERSION as PM2_VERSION } from "../peers/pm2.ts";
import { alive, childrenOf, clean, run, until } from "../process.ts";
import { missingKeeper, type Keeper } from "./keeper.ts";

const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../../dist/sup");
const QUIET = { stdio: ["ignore", "ignore", "ignore"] as ["ignore", "ignore", "ignore"] };

const END_MS = 5000;

const debianVersion = async (name: string): Promise<string> =>
  /^\S+/.exec((await run(["dpkg-query", "-W", "-f", "${Version}", name])).stdout)?.[0] ?? "of this system";

const numberOr = (text: string | undefined): number | null => (text !== undefined && Number(text) > 0 ? Number(text) : null);

const filesIn = (directory: string, name: RegExp): string[] =>
  existsSync(directory) ? readdirSync(directory).filter((file) => name.test(file)).map((file) => join(directory, file)) : []; // prettier-ignore

export async function supKeeper(): Promise<Keeper> {
  if (!existsSync(SUP)) return missingKeeper("sup", "not built (npm run build)");
  return {
    name: "sup",
    version: (await run([SUP, "version"])).stdout.trim(),
    start: (directory, [command, ...args]) => {
      mkdirSync(join(directory, "units"));
      writeFileSync(join(directory, "sup.json"), JSON.stringify({ api: { port: 0 } }));
      writeFileSync(join(directory, "units/u.unit.json"), JSON.stringify({ enabled: true, command, args }));
      const env = { SUP_HOME: directory };
      const launch = (): Bun.Subprocess => Bun.spawn([SUP, "daemon"], { env: { ...clean(process.env), ...env }, ...QUIET });
      let child = launch();
      return Promise.resolve({
        supervisor: () => child.pid,
        revive: () => Promise.resolve(void (child = launch())),
        pid: async () => numberOr(/"pid":\s*(\d+)/.exec((await run([SUP, "status", "u", "--json"], { env })).stdout)?.[1]),
        stop: async () => void (await run([SUP, "stop", "u"], { env })),
        end: async () => {
          await run([SUP, "daemon", "stop"], { env });
          child.kill("SIGTERM");
          await child.exited;
        },
        logs: () => filesIn(join(directory, "logs"), /^u\.log/),
      });
    },
  };
}

export async function supervisordKeeper(): Promise<Keeper> {
  const supervisord = Bun.which("supervisord");
  if (!supervisord) return missingKeeper("supervisord", "not installed (Debian: supervisor)");
  return {
    name: "supervisord",
    version: (await run([supervisord, "--version"])).stdout.trim(),
    start: (directory, argv) => {
      const config = join(directory, "supervisord.conf");
      // A named log: by default supervisord deletes its log files when it starts.
      writeFileSync(
        config,
        `[supervisord]
logfile=${directory}/supervisord.log
pidfile=${directory}/supervisord.pid
childlogdir=${directory}
[unix_http_server]
file=${directory}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${directory}/s.sock
[program:u]
command=${argv.join(" ")}
stdout_logfile=${directory}/u.log
`,
      );
      const control = (...args: string[]): string[] => ["supervisorctl", "-c", config, ...args];
      const launch = (): Bun.Subprocess => Bun.spawn([supervisord, "-n", "-c", config], QUIET);
      let child = launch();
      return Promise.resolve({
        supervisor: () => child.pid,
        revive: () => Promise.resolve(void (child = launch())),
        pid: async () => numberOr((await run(control("pid", "u"))).stdout.trim()),
        stop: async () => void (await run(control("stop", "u"))),
        end: async () => {
          child.kill("SIGTERM");
          await child.exited;
        },
        logs: () => filesIn(directory, /^u\.log/),
      });
    },
  };
}

export async function runitKeeper(): Promise<Keeper> {
  const runsvdir = Bun.which("runsvdir");
  if (!runsvdir) return missingKeeper("runit", "not installed (Debian: runit)");
  return {
    name: "runit",
    version: await debianVersion("runit"),
    start: (directory, argv) => {
      const service = join(directory, "sv/u");
      mkdirSync(join(service, "log"), { recursive: true });
      mkdirSync(join(directory, "kept"));
      writeFileSync(join(service, "run"), `#!/bin/sh\nexec ${argv.join(" ")}\n`, { mode: 0o755 });
      writeFileSync(join(service, "log/run"), `#!/bin/sh\nexec svlogd ${directory}/kept\n`, { mode: 0o755 });
      writeFileSync(join(directory, "kept/config"), "s99999999\n");
      const child = Bun.spawn([runsvdir, join(directory, "sv")], QUIET);
      return Promise.resolve({
        supervisor: () => childrenOf(child.pid)[0]!,
        revive: () => Promise.resolve(), // runsvdir looks every 5 s
        pid: async () => numberOr(/pid (\d+)/.exec((await run(["sv", "status", service])).stdout)?.[1]),
        stop: async () => void (await run(["sv", "-w", "20", "down", service])),
        end: async () => {
          const runsvs = childrenOf(child.pid);
          child.kill("SIGHUP");
          await child.exited;
          await until(() => !runsvs.some(alive), "runsv to end", 20_000);
        },
        logs: () => filesIn(join(directory, "kept"), /^(current|@.*)$/),
      });
    },
  };
}

export async function s6Keeper(): Promise<Keeper> {
  const scan = Bun.which("s6-svscan");
  if (!scan) return missingKeeper("s6", "not installed (Debian: s6)");
  return {
    name: "s6",
    version: await debianVersion("s6"),
    start: (directory, argv) => {
      const service = join(directory, "sv/u");
      mkdirSync(join(service, "log"), { recursive: true });
      writeFileSync(join(service, "run"), `#!/bin/sh\nexec ${argv.join(" ")}\n`, { mode: 0o755 });
      writeFileSync(join(service, "log/run"), `#!/bin/sh\nexec s6-log n20 s99999999 ${directory}/kept\n`, { mode: 0o755 });
      const child = Bun.spawn([scan, join(directory, "sv")], QUIET);
      const supervisor = (): number =>
        childrenOf(child.pid).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[1] === "u")!;
      return Promise.resolve({
        supervisor,
        revive: () => Promise.resolve(), // s6-svscan starts s6-supervise again within a second
        pid: async () => numberOr((await run(["s6-svstat", "-o", "pid", service])).stdout.trim()),
        stop: async () => void (await run(["s6-svc", "-wD", "-T", "20000", "-d", service])),
        end: async () => {
          const below = childrenOf(child.pid);
          await run(["s6-svscanctl", "-t", join(directory, "sv")]);
          // It waits for ever for the log of a service that outlived its s6-supervise.
          if (await Promise.race([child.exited.then(() => true), Bun.sleep(END_MS).then(() => false)])) return;
          for (const pid of [child.pid, ...below]) if (alive(pid)) process.kill(pid, "SIGKILL");
          await child.exited;
        },
        logs: () => filesIn(join(directory, "kept"), /^(current|@.*)$/),
      });
    },
  };
}

export async function pm2Keeper(): Promise<Keeper> {
  const pm2 = await install();
  if (!pm2) return missingKeeper("PM2", "cannot be installed (npm)");
  return {
    name: "PM2",
    version: PM2_VERSION,
    start: async (directory, [script, ...args]) => {
      const env = { PM2_HOME: join(directory, "pm2"), PM2_DISABLE_VERSION_CHECK: "true" };
      const call = (...words: string[]): Promise<{ stdout: string }> => run([pm2, ...words], { env });
      const apps = [{ name: "u", script, args, interpreter: "none", exec_mode: "fork", out_file: join(directory, "u.log") }];
      writeFileSync(join(directory, "ecosystem.json"), JSON.stringify({ apps }));
      await call("start", join(directory, "ecosystem.json"));
      await call("save"); // what its start-up script brings back
      const daemon = (): number => Number(readFileSync(join(env.PM2_HOME, "pm2.pid"), "latin1"));
      return {
        supervisor: daemon,
        revive: async () => void (await call("resurrect")),
        pid: async () => numberOr((await call("pid", "u")).stdout.trim()),
        stop: async () => void (await call("stop", "u")),
        end: async () => {
          const pid = daemon();
          await call("kill");
          if (alive(pid)) process.kill(pid, "SIGKILL");
          await until(() => !alive(pid), "PM2 to end", 10_000);
        },
        logs: () => filesIn(directory, /^u\.log/),
      };
    },
  };
}

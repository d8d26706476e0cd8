/**
 * Runs a single service, `u`, under each of the peers. The service's output goes to files of a limited size. The benchmarks
 * `logs` and `loss` use this file.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alive, childrenOf, quiet, run, until, which } from "../process.ts";
import { packageVersion } from "./debian.ts";
import { install, VERSION as PM2_VERSION } from "./pm2.ts";

/** The amount of a service's output that a peer keeps. */
export interface Keeping {
  readonly fileBytes: number;
  readonly files: number;
}

/** The program of a peer and its version, or the reason why it is not available. */
export type Found = { readonly program: string; readonly version: string } | { readonly missing: string };

/** A peer that is configured to run `argv`. */
export interface Single {
  launch(): Promise<Supervisor>;
  /** Returns the output files, oldest first. */
  files(): string[];
  /** Runs the peer's control command and returns its output. */
  control(...words: string[]): Promise<string>;
}

export interface Supervisor {
  /** The process that was started. For PM2 this is PM2's daemon, because the command `pm2` exits. */
  readonly pid: number;
  /** Ends the supervisor and everything that it runs. */
  end(): Promise<void>;
}

/** The time in milliseconds that a supervisor may take to end before it is killed. */
const END_MS = 5000;

export async function findSupervisord(): Promise<Found> {
  const program = which("supervisord");
  if (!program) return { missing: "not installed (Debian: supervisor)" };
  return { program, version: (await run([program, "--version"])).stdout.trim() };
}

/** Returns the configuration of supervisord itself, with `more` lines of its own section, and the sections that supervisorctl needs. */
export const supervisordSections = (directory: string, more = ""): string => `[supervisord]
logfile=${directory}/supervisord.log
pidfile=${directory}/supervisord.pid
childlogdir=${directory}
${more}[unix_http_server]
file=${directory}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${directory}/s.sock
`;

export function supervisord(program: string, directory: string, argv: readonly string[], keeping: Keeping | null): Single {
  const config = join(directory, "supervisord.conf");
  // The log has a name, because supervisord by default deletes its log files when it starts.
  writeFileSync(
    config,
    `${supervisordSections(directory)}[program:u]
command=${argv.join(" ")}
stdout_logfile=${directory}/u.log
${keeping ? `stdout_logfile_maxbytes=${keeping.fileBytes}\nstdout_logfile_backups=${keeping.files}\n` : ""}`,
  );
  return {
    launch: () => {
      const child = Bun.spawn([program, "-n", "-c", config], quiet());
      const end = async (): Promise<void> => {
        child.kill("SIGTERM");
        await child.exited;
      };
      return Promise.resolve({ pid: child.pid, end });
    },
    files: () => numbered(directory, "u.log"),
    control: async (...words) => (await run(["supervisorctl", "-c", config, ...words])).stdout,
  };
}

export async function findRunit(): Promise<Found> {
  const program = which("runsvdir");
  return program ? { program, version: await packageVersion("runit") } : { missing: "not installed (Debian: runit)" };
}

export function runit(program: string, directory: string, argv: readonly string[], keeping: Keeping | null): Single {
  const { service, kept } = makeServices(directory, argv, `svlogd ${keeping ? "-b 65536 " : ""}${directory}/kept`);
  mkdirSync(kept);
  writeFileSync(join(kept, "config"), keeping ? `s${keeping.fileBytes}\nn${keeping.files}\n` : "s99999999\n");
  return {
    launch: () => {
      const child = Bun.spawn([program, join(directory, "sv")], quiet());
      const end = async (): Promise<void> => {
        const runsvs = childrenOf(child.pid);
        child.kill("SIGHUP"); // on HUP runsvdir sends TERM to every runsv, which ends its service
        await child.exited;
        await until(() => !runsvs.some(alive), "runsv to end", 20_000);
      };
      return Promise.resolve({ pid: child.pid, end });
    },
    files: () => stamped(kept),
    control: async (...words) => (await run(["sv", "-w", "20", ...words, service])).stdout,
  };
}

export async function findS6(): Promise<Found> {
  const program = which("s6-svscan");
  return program ? { program, version: await packageVersion("s6") } : { missing: "not installed (Debian: s6)" };
}

export function s6(program: string, directory: string, argv: readonly string[], keeping: Keeping | null): Single {
  const bounds = keeping ? `n${keeping.files} s${keeping.fileBytes}` : "n20 s99999999";
  const { service, kept } = makeServices(directory, argv, `s6-log ${bounds} ${directory}/kept`);
  return {
    launch: () => {
      const child = Bun.spawn([program, join(directory, "sv")], quiet());
      const end = async (): Promise<void> => {
        const below = childrenOf(child.pid).flatMap((pid) => [pid, ...childrenOf(pid)]);
        await run(["s6-svscanctl", "-t", join(directory, "sv")]);
        // s6 would wait forever for the log of a service that outlived its s6-supervise.
        const ended = await Promise.race([child.exited.then(() => true), Bun.sleep(END_MS).then(() => false)]);
        for (const pid of ended ? below : [child.pid, ...below]) if (alive(pid)) process.kill(pid, "SIGKILL");
        await child.exited;
      };
      return Promise.resolve({ pid: child.pid, end });
    },
    files: () => stamped(kept),
    control: async (command, ...words) => (await run([command!, ...words, service])).stdout,
  };
}

/** Creates a directory with a program to run, and one for its log, for runit and s6. */
function makeServices(directory: string, argv: readonly string[], logger: string): { readonly service: string; readonly kept: string } {
  const service = join(directory, "sv/u");
  mkdirSync(join(service, "log"), { recursive: true });
  writeFileSync(join(service, "run"), `#!/bin/sh\nexec ${argv.join(" ")}\n`, { mode: 0o755 });
  writeFileSync(join(service, "log/run"), `#!/bin/sh\nexec ${logger}\n`, { mode: 0o755 });
  return { service, kept: join(directory, "kept") };
}

export async function findPm2(): Promise<Found> {
  const program = await install();
  return program ? { program, version: PM2_VERSION } : { missing: "cannot be installed (npm)" };
}

/** Runs the service under PM2, which itself rotates nothing (the add-on pm2-logrotate copies and truncates on a timer). */
export function pm2(program: string, directory: string, [script, ...args]: readonly string[]): Single {
  const env = { PM2_HOME: join(directory, "pm2"), PM2_DISABLE_VERSION_CHECK: "true" };
  const control = async (...words: string[]): Promise<string> => (await run([program, ...words], { env })).stdout;
  const apps = [{ name: "u", script, args, interpreter: "none", exec_mode: "fork", out_file: join(directory, "u.log") }];
  writeFileSync(join(directory, "ecosystem.json"), JSON.stringify({ apps }));
  const daemon = (): number => Number(readFileSync(join(env.PM2_HOME, "pm2.pid"), "latin1"));
  return {
    launch: async () => {
      await control("start", join(directory, "ecosystem.json"));
      await control("save"); // the start-up script restores this list
      const end = async (): Promise<void> => {
        const pid = daemon();
        await control("kill");
        if (alive(pid)) process.kill(pid, "SIGKILL");
        await until(() => !alive(pid), "PM2 to end", 10_000);
      };
      return {
        get pid() {
          return daemon();
        },
        end,
      };
    },
    files: () => numbered(directory, "u.log"),
    control,
  };
}

/** Returns the log files, oldest first: `web.log.2`, `web.log.1`, `web.log`. Files with higher numbers are older. */
export function numbered(directory: string, name: string): string[] {
  const number = (file: string): number => (file === name ? 0 : Number(/^\.(\d+)/.exec(file.slice(name.length))?.[1] ?? Number.NaN));
  return readdirSync(directory)
    .filter((file) => file.startsWith(name) && !Number.isNaN(number(file)))
    .toSorted((a, b) => number(b) - number(a))
    .map((file) => join(directory, file));
}

/** Returns the log files of svlogd and s6-log: `@TIME.s` files first, then `current`. */
function stamped(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory).filter((file) => /^(@.*|current)$/.test(file));
  return files.toSorted().map((file) => join(directory, file));
}

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findPm2, findRunit, findS6, findSupervisord, numbered, pm2, runit, s6, supervisord, type Found, type Single } from "../peers/single.ts"; // prettier-ignore
import { childrenOf, quiet, run, until } from "../process.ts";
import { FILE_BYTES, KEEP, type Logger, missingLogger } from "./logger.ts";

/** Returns the loggers whose names begin with one of the words of `only`, or all of them. */
export async function findLoggers(only: string | undefined): Promise<readonly Logger[]> {
  const finders: Readonly<Record<string, () => Promise<Logger>>> = {
    "sup cri": () => supLogger("cri"),
    "sup raw": () => supLogger("raw"),
    supervisord: supervisordLogger,
    pm2: pm2Logger,
    "s6-log": s6Logger,
    svlogd: svlogdLogger,
    // The module probes the machine when it is imported, so it is imported only if the sandbox is wanted.
    journald: async () => (await import("./journald.ts")).journaldLogger(),
  };
  const words = only?.split(",");
  const isWanted = (name: string): boolean => words === undefined || words.some((word) => name === word || name.startsWith(`${word} `));
  return await Promise.all(
    Object.entries(finders)
      .filter(([name]) => isWanted(name))
      .map(([, find]) => find()),
  );
}

const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../../dist/sup");
const CRI_PREFIX_BYTES = 40;
const KEEPING = { fileBytes: FILE_BYTES, files: KEEP } as const;

/**
 * Makes a logger that runs sup. Besides the flood, sup runs a service with a health check, which shows how the flood affects
 * other units.
 */
async function supLogger(format: "cri" | "raw"): Promise<Logger> {
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
      const child = Bun.spawn([SUP, "daemon"], quiet({ SUP_HOME: directory }));
      const socket = join(directory, "run/sup.sock");
      const get = async (path: string): Promise<string> => (await fetch(`http://sup${path}`, { unix: socket })).text();
      // The socket's file exists a moment before the daemon accepts connections.
      await until(() => get("/healthz").then(() => true, () => false), "the daemon", 10_000); // prettier-ignore
      unit("u", { enabled: true, command, args, log });
      await get("/api/supervisor/status");
      await fetch("http://sup/api/supervisor/reload", { unix: socket, method: "POST" });
      let turn = 0;
      return {
        pids: () => [child.pid],
        request: () => get(turn++ % 2 === 0 ? "/api/supervisor/services/probed" : "/api/supervisor/services/probed/health?run=true"),
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

interface Parts {
  readonly name: string;
  readonly found: Found;
  readonly setUp: (program: string, directory: string, argv: readonly string[]) => Single;
  /** True if the logger consists of the descendants of its first process, one or two levels deep, without the service. */
  readonly isTree?: boolean;
  /** Called before `end`, because this logger does not end while the service writes. */
  readonly stop?: (single: Single) => Promise<unknown>;
}

function logger({ name, found, setUp, isTree = false, stop }: Parts): Logger {
  if ("missing" in found) return missingLogger(name, found.missing);
  return {
    name,
    version: found.version,
    prefixBytes: 0,
    start: async (directory, argv) => {
      const single = setUp(found.program, directory, argv);
      const supervisor = await single.launch();
      const below = (): number[] =>
        childrenOf(supervisor.pid).flatMap((pid) => [pid, ...childrenOf(pid).filter((one) => !isService(one, argv))]);
      return {
        pids: () => [supervisor.pid, ...(isTree ? below() : [])],
        request: null,
        files: single.files,
        end: async () => {
          await stop?.(single);
          await supervisor.end();
        },
      };
    },
  };
}

const supervisordLogger = async (): Promise<Logger> =>
  logger({
    name: "supervisord",
    found: await findSupervisord(),
    setUp: (program, directory, argv) => supervisord(program, directory, argv, KEEPING),
  });

const svlogdLogger = async (): Promise<Logger> =>
  logger({
    name: "svlogd",
    found: await findRunit(),
    setUp: (program, directory, argv) => runit(program, directory, argv, KEEPING),
    isTree: true,
    stop: (single) => single.control("down"),
  });

const s6Logger = async (): Promise<Logger> =>
  logger({
    name: "s6-log",
    found: await findS6(),
    setUp: (program, directory, argv) => s6(program, directory, argv, KEEPING),
    isTree: true,
    stop: (single) => single.control("s6-svc", "-wD", "-T", "20000", "-d"),
  });

async function pm2Logger(): Promise<Logger> {
  const found = await findPm2();
  const named = "missing" in found ? found : { ...found, version: `${found.version}, without rotation` };
  return logger({ name: "PM2", found: named, setUp: pm2 });
}

/** Returns true if the process runs the service's program, or is the shell that is about to execute it. */
function isService(pid: number, argv: readonly string[]): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[0] === argv[0];
  } catch {
    return true;
  }
}

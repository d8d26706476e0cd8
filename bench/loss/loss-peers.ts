import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findPm2, findRunit, findS6, findSupervisord, numbered, pm2, runit, s6, supervisord, type Found, type Single, type Supervisor } from "../peers/single.ts"; // prettier-ignore
import { childrenOf, quiet, run } from "../process.ts";
import { missingLossPeer, type LossPeer } from "./loss-peer.ts";

const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../../dist/sup");

const numberOr = (text: string | undefined): number | null => (text !== undefined && Number(text) > 0 ? Number(text) : null);

export async function supLossPeer(): Promise<LossPeer> {
  if (!existsSync(SUP)) return missingLossPeer("sup", "not built (npm run build)");
  return {
    name: "sup",
    version: (await run([SUP, "version"])).stdout.trim(),
    start: (directory, [command, ...args]) => {
      mkdirSync(join(directory, "units"));
      writeFileSync(join(directory, "sup.json"), JSON.stringify({ api: { port: 0 } }));
      writeFileSync(join(directory, "units/u.unit.json"), JSON.stringify({ enabled: true, command, args }));
      const env = { SUP_HOME: directory };
      const launch = (): Bun.Subprocess => Bun.spawn([SUP, "daemon"], quiet(env));
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
        logs: () => numbered(join(directory, "logs"), "u.log"),
      });
    },
  };
}

interface Parts {
  readonly name: string;
  readonly found: Found;
  readonly setUp: (program: string, directory: string, argv: readonly string[]) => Single;
  /** Returns the process that supervises the service, given the process that was started. It is absent if both are the same. */
  readonly supervisor?: (first: number) => number;
  /** Does what a person does after the supervisor was killed. `again` starts the supervisor in the same way as the first time. */
  readonly revive: (single: Single, again: () => Promise<void>) => Promise<unknown>;
  readonly pid: (single: Single) => Promise<string | undefined>;
  readonly stop: (single: Single) => Promise<unknown>;
}

function peer({ name, found, setUp, supervisor, revive, pid, stop }: Parts): LossPeer {
  if ("missing" in found) return missingLossPeer(name, found.missing);
  return {
    name,
    version: found.version,
    start: async (directory, argv) => {
      const single = setUp(found.program, directory, argv);
      let running: Supervisor = await single.launch();
      const again = async (): Promise<void> => void (running = await single.launch());
      return {
        supervisor: () => supervisor?.(running.pid) ?? running.pid,
        revive: async () => void (await revive(single, again)),
        pid: async () => numberOr(await pid(single)),
        stop: async () => void (await stop(single)),
        end: () => running.end(),
        logs: single.files,
      };
    },
  };
}

export const supervisordLossPeer = async (): Promise<LossPeer> =>
  peer({
    name: "supervisord",
    found: await findSupervisord(),
    setUp: (program, directory, argv) => supervisord(program, directory, argv, null),
    revive: (_, again) => again(),
    pid: async (single) => (await single.control("pid", "u")).trim(),
    stop: (single) => single.control("stop", "u"),
  });

export const runitLossPeer = async (): Promise<LossPeer> =>
  peer({
    name: "runit",
    found: await findRunit(),
    setUp: (program, directory, argv) => runit(program, directory, argv, null),
    supervisor: (first) => childrenOf(first)[0]!,
    revive: () => Promise.resolve(), // runsvdir scans every 5 s
    pid: async (single) => /pid (\d+)/.exec(await single.control("status"))?.[1],
    stop: (single) => single.control("down"),
  });

export const s6LossPeer = async (): Promise<LossPeer> =>
  peer({
    name: "s6",
    found: await findS6(),
    setUp: (program, directory, argv) => s6(program, directory, argv, null),
    supervisor: (first) => childrenOf(first).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[1] === "u")!,
    revive: () => Promise.resolve(), // s6-svscan starts s6-supervise again within a second
    pid: async (single) => (await single.control("s6-svstat", "-o", "pid")).trim(),
    stop: (single) => single.control("s6-svc", "-wD", "-T", "20000", "-d"),
  });

export const pm2LossPeer = async (): Promise<LossPeer> =>
  peer({
    name: "PM2",
    found: await findPm2(),
    setUp: pm2,
    revive: (single) => single.control("resurrect"),
    pid: async (single) => (await single.control("pid", "u")).trim(),
    stop: (single) => single.control("stop", "u"),
  });

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { nowNs } from "../native.ts";
import { alive, run, until } from "../process.ts";
import { missing, type Peer } from "./peer.ts";

export const VERSION = "7.0.4";
/** The launch counts as failed after this time, because PM2 takes minutes to launch five hundred services. */
const LAUNCH_MS = 180_000;

export async function pm2Peer(): Promise<Peer> {
  const pm2 = await install();
  if (!pm2) return missing("PM2", "cannot be installed (npm)");
  return {
    name: "PM2",
    version: `${VERSION} on Node ${(await run(["node", "--version"])).stdout.trim()}`,
    settleMs: 60_000,
    restartPaceMs: 1100, // PM2 counts a run below min_uptime as unstable
    start: async ({ directory, count, service, starts }) => {
      const env = { PM2_HOME: join(directory, "pm2"), PM2_DISABLE_VERSION_CHECK: "true" };
      const apps = Array.from({ length: count }, (_, i) => ({
        name: `u${i}`,
        script: service,
        args: [starts.file, `u${i}`],
        interpreter: "none",
        exec_mode: "fork",
        max_restarts: 100_000,
      }));
      const ecosystem = join(directory, "ecosystem.json");
      writeFileSync(ecosystem, JSON.stringify({ apps }));
      const pid = (): number => Number(readFileSync(join(env.PM2_HOME, "pm2.pid"), "latin1"));
      const beganNs = nowNs();
      await run([pm2, "start", ecosystem], { env, timeoutMs: LAUNCH_MS });
      return {
        beganNs,
        supervisors: () => [pid()],
        stopAll: async () => void (await run([pm2, "stop", "all"], { env, mustSucceed: true })),
        commands: { isActive: [pm2, "pid", "u0"], status: [pm2, "list"], env },
        end: async () => {
          const daemon = pid();
          await run([pm2, "kill"], { env, timeoutMs: LAUNCH_MS });
          if (alive(daemon)) process.kill(daemon, "SIGKILL");
          await until(() => !alive(daemon), "PM2 to end", 10_000);
        },
      };
    },
  };
}

/** Installs PM2 into a directory of the user, where later benchmark runs find it. */
export async function install(): Promise<string | null> {
  const prefix = join(tmpdir(), `sup-bench-pm2-${VERSION}-${userInfo().uid}`);
  const pm2 = join(prefix, "node_modules/.bin/pm2");
  if (existsSync(pm2)) return pm2;
  mkdirSync(prefix, { recursive: true, mode: 0o700 });
  const npm = ["npm", "install", "--prefix", prefix, "--no-audit", "--no-fund", "--ignore-scripts", `pm2@${VERSION}`];
  return (await run(npm, { timeoutMs: 120_000 })).code === 0 && existsSync(pm2) ? pm2 : null;
}

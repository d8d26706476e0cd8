import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { nowNs } from "../native.ts";
import { clean, run } from "../process.ts";
import { missing, type Peer } from "./peer.ts";

export const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../../dist/sup");

export async function supPeer(): Promise<Peer> {
  if (!existsSync(SUP)) return missing("sup", "not built (npm run build)");
  const version = (await run([SUP, "version"])).stdout.trim();
  return {
    name: "sup",
    version,
    settleMs: 60_000,
    restartPaceMs: 150, // sup by design slows down more than ten starts within a second
    start: ({ directory, count, service, starts }) => {
      mkdirSync(join(directory, "units"));
      writeFileSync(join(directory, "sup.json"), JSON.stringify({ api: { port: 0 } }));
      for (let i = 0; i < count; i++) {
        const unit = {
          enabled: true,
          command: service,
          args: [starts.file, `u${i}`],
          restart_policy: { max_retries: -1, retry_delay: 0 },
        };
        writeFileSync(join(directory, "units", `u${i}.unit.json`), JSON.stringify(unit));
      }
      const env = { SUP_HOME: directory };
      const beganNs = nowNs();
      const child = Bun.spawn([SUP, "daemon"], { env: { ...clean(process.env), ...env }, stdio: ["ignore", "ignore", "ignore"] });
      return Promise.resolve({
        beganNs,
        supervisors: () => [child.pid],
        stopAll: async () => void (await run([SUP, "stop", "*"], { env, mustSucceed: true })),
        commands: { isActive: [SUP, "is-active", "u0"], status: [SUP, "status"], env },
        end: async () => {
          await run([SUP, "daemon", "stop"], { env });
          child.kill("SIGTERM"); // the command may have failed
          await child.exited;
        },
      });
    },
  };
}

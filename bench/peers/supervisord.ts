import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nowNs } from "../native.ts";
import { quiet, run } from "../process.ts";
import { missing, type Peer, type Session } from "./peer.ts";
import { findSupervisord, supervisordSections } from "./single.ts";

export async function supervisordPeer(): Promise<Peer> {
  const found = await findSupervisord();
  if ("missing" in found) return missing("supervisord", found.missing);
  return {
    name: "supervisord",
    version: found.version,
    restartPaceMs: 150,
    start: (session) => {
      const config = join(session.directory, "supervisord.conf");
      writeFileSync(config, configuration(session));
      const control = (...args: string[]): string[] => ["supervisorctl", "-c", config, ...args];
      const beganNs = nowNs();
      const child = Bun.spawn([found.program, "-n", "-c", config], quiet());
      return Promise.resolve({
        beganNs,
        supervisors: () => [child.pid],
        stopAll: async () => void (await run(control("stop", "all"), { mustSucceed: true })),
        commands: { isActive: control("status", "u:u0"), status: control("status"), env: {} },
        end: async () => {
          child.kill("SIGTERM");
          await child.exited;
        },
      });
    },
  };
}

/**
 * Returns the configuration. With startsecs=0, supervisord restarts a service that ends early without a delay, as the other peers
 * do.
 */
const configuration = ({ directory, count, service, starts }: Session): string => `
${supervisordSections(directory, `minfds=${count * 4 + 256}\n`)}[program:u]
command=${service} ${starts.file} u%(process_num)d
process_name=u%(process_num)d
numprocs=${count}
autorestart=true
startsecs=0
`;

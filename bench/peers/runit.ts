import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nowNs } from "../native.ts";
import { alive, childrenOf, quiet, run, until } from "../process.ts";
import { missing, type Peer, type Session } from "./peer.ts";
import { findRunit } from "./single.ts";

export async function runitPeer(): Promise<Peer> {
  const found = await findRunit();
  if ("missing" in found) return missing("runit", found.missing);
  return {
    name: "runit",
    version: found.version,
    restartPaceMs: 1100, // runsv delays a restart until the run has lasted a second
    start: (session) => {
      const directories = makeServices(session);
      const services = join(session.directory, "sv");
      const beganNs = nowNs();
      const child = Bun.spawn([found.program, services], quiet());
      const all = (): number[] => [child.pid, ...childrenOf(child.pid)];
      return Promise.resolve({
        beganNs,
        supervisors: all,
        stopAll: async () => void (await run(["sv", "-w", "20", "down", ...directories], { mustSucceed: true })),
        commands: { isActive: ["sv", "status", directories[0]!], status: ["sv", "status", ...directories], env: {} },
        end: async () => {
          const runsvs = all();
          child.kill("SIGHUP"); // on HUP runsvdir sends TERM to every runsv, which ends its service
          await child.exited;
          await until(() => !runsvs.some(alive), "runsv to end", 20_000);
        },
      });
    },
  };
}

function makeServices({ directory, count, service, starts }: Session): string[] {
  for (let i = 0; i < count; i++) {
    const path = join(directory, "sv", `u${i}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "run"), `#!/bin/sh\nexec ${service} ${starts.file} u${i}\n`, { mode: 0o755 });
  }
  return readdirSync(join(directory, "sv")).map((name) => join(directory, "sv", name));
}

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nowNs } from "../native.ts";
import { alive, childrenOf, quiet, run, until } from "../process.ts";
import { missing, type Peer, type Session } from "./peer.ts";
import { findS6 } from "./single.ts";

export async function s6Peer(): Promise<Peer> {
  const found = await findS6();
  if ("missing" in found) return missing("s6", found.missing);
  return {
    name: "s6",
    version: found.version,
    restartPaceMs: 1100, // s6-supervise starts a service at most once a second
    start: (session) => {
      const directories = makeServices(session);
      const services = join(session.directory, "sv");
      // s6 has a command for one service. A shell calls it for each, as a user would.
      const forEach = (command: string): string[] => ["sh", "-c", `for one; do ${command} "$one" || exit; done`, "sh", ...directories];
      const beganNs = nowNs();
      const child = Bun.spawn([found.program, "-c", String(session.count + 10), services], quiet());
      const all = (): number[] => [child.pid, ...childrenOf(child.pid)];
      return Promise.resolve({
        beganNs,
        supervisors: all,
        stopAll: async () => {
          await run(forEach("s6-svc -d"), { mustSucceed: true });
          await run(["s6-svwait", "-D", "-a", "-t", "20000", ...directories], { mustSucceed: true });
        },
        commands: { isActive: ["s6-svstat", "-o", "up", directories[0]!], status: forEach("s6-svstat"), env: {} },
        end: async () => {
          const supervisors = all();
          await run(["s6-svscanctl", "-t", services]);
          await child.exited;
          await until(() => !supervisors.some(alive), "s6-supervise to end", 20_000);
        },
      });
    },
  };
}

function makeServices({ directory, count, service, starts }: Session): string[] {
  return Array.from({ length: count }, (_, i) => {
    const path = join(directory, "sv", `u${i}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "run"), `#!/bin/sh\nexec ${service} ${starts.file} u${i}\n`, { mode: 0o755 });
    return path;
  });
}

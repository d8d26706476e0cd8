import { loopPeer } from "./loop.ts";
import { missing, type Peer } from "./peer.ts";
import { pm2Peer } from "./pm2.ts";
import { runitPeer } from "./runit.ts";
import { s6Peer } from "./s6.ts";
import { supPeer } from "./sup.ts";
import { supervisordPeer } from "./supervisord.ts";

/** Returns all supervisors that the benchmarks compare, in the order of the tables. `loop` is the path of the C loop. */
export async function findPeers(loop: string, only: string | undefined): Promise<readonly Peer[]> {
  const wanted = only?.split(",");
  const isWanted = (name: string): boolean => wanted === undefined || wanted.includes(name);
  const peers: Readonly<Record<string, () => Promise<Peer>>> = {
    sup: supPeer,
    loop: () => Promise.resolve(loopPeer(loop)),
    runit: runitPeer,
    s6: s6Peer,
    // The module probes the machine when it is imported, so it is imported only if the sandbox is wanted.
    systemd: async () => (await import("./systemd.ts")).systemdPeer(),
    supervisord: supervisordPeer,
    pm2: pm2Peer,
    "process-compose": () => Promise.resolve(missing("process-compose", "neither Debian nor npm has a package of it")),
  };
  const unknown = wanted?.filter((name) => !Object.hasOwn(peers, name)) ?? [];
  if (unknown.length > 0) throw new Error(`--only: there is no peer ${unknown.join(", ")}; the peers are ${Object.keys(peers).join(", ")}`);
  return await Promise.all(
    Object.entries(peers)
      .filter(([name]) => isWanted(name))
      .map(([, find]) => find()),
  );
}

import type { Peer } from "../peers/peer.ts";
import { withServices } from "../session.ts";
import { type CliResult, measureCli } from "./cli.ts";
import { type IdleResult, measureIdle } from "./idle.ts";
import { measureLaunch } from "./launch.ts";
import { measureRestart, type RestartResult } from "./restart.ts";
import { measureStop } from "./stop.ts";

export interface Measured {
  readonly peer: Peer;
  restart?: RestartResult;
  launchMs?: number;
  stopMs?: number;
  cli?: CliResult | null;
  idle?: IdleResult;
  readonly troubles: string[];
}

export interface Sizes {
  readonly restarts: number;
  /** True if CPU time and memory are measured only when the supervisor is at rest (`Peer.settleMs`). Otherwise three seconds after the start. */
  readonly isSettled?: boolean;
  /** The number of restarts for peers that must wait a second between restarts. */
  readonly slowRestarts: number;
  readonly launch: number;
  readonly steady: number;
  readonly idleMs: number;
}

export const FULL: Sizes = { restarts: 50, slowRestarts: 50, launch: 500, steady: 100, idleMs: 60_000 };
export const QUICK: Sizes = { restarts: 50, slowRestarts: 5, launch: 500, steady: 100, idleMs: 10_000 };

/** Measures one peer. A failed measurement is reported with the results and does not stop the others. */
export async function measurePeer(peer: Peer, service: string, sizes: Sizes): Promise<Measured> {
  const { restarts, slowRestarts, launch, steady, idleMs, isSettled = false } = sizes;
  const measured: Measured = { peer, troubles: [] };
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    console.error(`${peer.name}: ${what} …`);
    await action().catch((error: unknown) => measured.troubles.push(`${what}: ${error instanceof Error ? error.message : String(error)}`));
  };
  await attempt("restart", () =>
    withServices(peer, 1, service, async (live) => {
      measured.restart = await measureRestart(live, peer.restartPaceMs > 500 ? slowRestarts : restarts, peer.restartPaceMs);
    }),
  );
  await attempt(`${steady} units`, () =>
    withServices(peer, steady, service, async (live) => {
      measured.idle = await measureIdle(live, idleMs, isSettled ? peer.settleMs : undefined);
      measured.cli = await measureCli(live);
      measured.stopMs = await measureStop(live);
    }),
  );
  await attempt(`${launch} units`, () =>
    withServices(peer, launch, service, (live) => {
      measured.launchMs = measureLaunch(live);
      return Promise.resolve();
    }),
  );
  return measured;
}

import { afterAll, beforeAll } from "bun:test";
import { startDaemon, type Daemon, type DaemonOptions } from "./daemon.ts";
import { throwTroubles } from "./troubles.ts";
import type { UnitFile } from "./services.ts";
import { until } from "./until.ts";

export interface Shared {
  readonly daemon: Daemon;
  /** Writes the unit and waits until the daemon has noticed it by itself. */
  drop(name: string, unit: UnitFile): Promise<void>;
}

/**
 * One daemon for all tests of a file whose units don't disturb each other. It ends, with the look for processes left over,
 * after the last test. Use its members only inside of tests: before them there is no daemon.
 */
export function sharedDaemon(options: DaemonOptions = {}): Shared {
  let daemon: Daemon | null = null;
  const running = (): Daemon => {
    if (!daemon) throw new Error("the shared daemon does not run: it is there inside of tests only");
    return daemon;
  };
  beforeAll(async () => {
    daemon = await startDaemon(options);
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    throwTroubles();
  });
  return {
    get daemon() {
      return running();
    },
    async drop(name, unit) {
      const path = running().writeUnit(name, unit);
      const explain = async (): Promise<string> => (await running().sup("verify", path)).stderr;
      await until(() => running().service(name), { what: `${name} to be noticed`, explain });
    },
  };
}

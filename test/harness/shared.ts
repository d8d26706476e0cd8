import { afterAll, beforeAll } from "bun:test";
import { startDaemon, type Daemon, type DaemonOptions } from "./daemon.ts";
import { throwTroubles } from "./troubles.ts";
import type { UnitFile } from "./services.ts";
import { until } from "./until.ts";

export interface Shared {
  readonly daemon: Daemon;
  /** Writes the unit file and waits until the daemon has found it without a reload command. */
  drop(name: string, unit: UnitFile): Promise<void>;
}

/**
 * Starts one daemon for all tests of a file. Their units must not affect each other. After the last test the daemon is stopped,
 * and the file's tests fail if one of its processes is still alive. Use the members only inside tests, because the daemon starts
 * after the file has been loaded.
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

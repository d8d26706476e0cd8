import { version } from "../package.json";
import { realHost } from "./cli/host.ts";
import type { Roles } from "./cli/roles.ts";
import { type Build, runCli } from "./cli/run.ts";
import { catchEarlySignals } from "./linux/self/early-signals.ts";
import { checkPathArguments, PATH_CHECK } from "./linux/self/path-check.ts";

if (process.argv[2] === PATH_CHECK) process.exit(checkPathArguments(process.argv.slice(3)));

catchEarlySignals();

/** scripts/build.sh defines this constant. It is undefined if sup runs from source. */
declare const SUP_VERSION: string | undefined;
declare const SUP_COMMIT: string | undefined;
declare const SUP_RELEASES: string | undefined;
declare const SUP_LIBC: string | undefined;

const build: Build = {
  version: typeof SUP_VERSION === "undefined" ? version : SUP_VERSION,
  commit: typeof SUP_COMMIT === "undefined" ? null : SUP_COMMIT,
  isMusl: typeof SUP_LIBC !== "undefined" && SUP_LIBC === "musl",
  releases: typeof SUP_RELEASES === "undefined" || SUP_RELEASES === "" ? null : SUP_RELEASES,
};

/** The roles in which this process can run. The daemon and its adapters are imported only when needed, so that `sup status` starts fast. */
const roles: Roles = {
  daemon: async (options) => (await import("./daemon/lifecycle/run.ts")).runDaemon(options),
  up: async (options) => (await import("./daemon/lifecycle/up.ts")).runUp(options),
  checkMachine: async (specs, places) => (await import("./daemon/compose/machine-check.ts")).checkMachine(specs, places),
  readUnits: async (directories) => (await import("./daemon/compose/unit-files.ts")).readUnits(directories),
};

process.exit(await runCli(process.argv.slice(2), realHost(), roles, build));

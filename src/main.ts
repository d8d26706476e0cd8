import { version } from "../package.json";
import { realHost } from "./cli/host.ts";
import type { Roles } from "./cli/roles.ts";
import { runCli } from "./cli/run.ts";

/** Picks the role of this process. The daemon is loaded only where it runs, so that `sup status` starts fast. */
const roles: Roles = {
  daemon: async (options) => (await import("./daemon/run.ts")).runDaemon(options),
  up: async (options) => (await import("./daemon/up.ts")).runUp(options),
};

process.exit(await runCli(process.argv.slice(2), realHost(), roles, version));

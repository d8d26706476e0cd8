/**
 * Controllers of the delegated cgroup of a systemd service. While they are enabled for its sub-groups, the kernel lets no
 * process into the group itself (cgroups(7), "no internal processes"), and that is where systemd puts the service's next main
 * process: a service that was killed while its children live could not be started again (`status=219/CGROUP`).
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isDelegated, mountedDirectory } from "./cgroup.ts";

/** Where systemd runs the helpers (ExecStopPost=) of a service whose cgroup is delegated. */
const HELPERS = ".control";

/** Takes all controllers back from the sub-groups of the service that this process is a helper of. Null, or why it could not. */
export function releaseControllers(): string | null {
  const own = mountedDirectory();
  if (!own.ok) return null; // no cgroup v2: there is nothing to take back
  const { directory } = own.value;
  const unit = basename(directory) === HELPERS ? dirname(directory) : directory;
  if (!isDelegated(unit)) return `${unit} is no cgroup that systemd has delegated`;
  return takeBack(unit);
}

/** From the leaves up: a group keeps what one below it still hands on. */
function takeBack(directory: string): string | null {
  let problem: string | null = null;
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) problem = takeBack(join(directory, entry.name)) ?? problem;
    const path = join(directory, "cgroup.subtree_control");
    const enabled = readFileSync(path, "latin1").trim();
    if (enabled !== "") writeFileSync(path, enabled.split(" ").map((name) => `-${name}`).join(" ")); // prettier-ignore
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENODEV") problem = message; // it went away meanwhile
  }
  return problem;
}

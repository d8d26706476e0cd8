/**
 * Disables the controllers of a systemd service's delegated cgroup. While they are enabled for its sub-groups, the kernel admits no
 * process to the group itself (cgroups(7), "no internal processes"). But systemd starts the next main process of the service in the
 * group itself. A service that was killed while its children are alive could therefore not be started again (`status=219/CGROUP`).
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isDelegated, mountedDirectory } from "./cgroup.ts";

/** The sub-group in which systemd runs the helpers (ExecStopPost=) of a service with a delegated cgroup. */
const HELPER_GROUP = ".control";

/** Disables all controllers in the cgroup of the service that started this process as a helper. Returns null, or the error. */
export function releaseControllers(): string | null {
  const own = mountedDirectory();
  if (!own.ok) return null; // without cgroup v2 no controllers are enabled
  const { directory } = own.value;
  const unit = basename(directory) === HELPER_GROUP ? dirname(directory) : directory;
  if (!isDelegated(unit)) return `${unit} is not a cgroup that systemd has delegated`;
  return disableBelow(unit);
}

/** Works from the leaves upwards, because a controller cannot be disabled in a group while a sub-group still enables it. */
function disableBelow(directory: string): string | null {
  let problem: string | null = null;
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) problem = disableBelow(join(directory, entry.name)) ?? problem;
    const path = join(directory, "cgroup.subtree_control");
    const enabled = readFileSync(path, "latin1").trim();
    if (enabled !== "") writeFileSync(path, enabled.split(" ").map((name) => `-${name}`).join(" ")); // prettier-ignore
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENODEV") problem = message; // the group was removed in the meantime
  }
  return problem;
}

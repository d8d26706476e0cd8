/**
 * Makes programs for the option `bin` of `startDaemon` that run the daemon as another user or as the first process of a pid
 * namespace.
 */
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SUP } from "./daemon.ts";
import { alive } from "./processes.ts";

export const isRoot = process.getuid!() === 0;

const NOBODY = 65_534;
export const BECOME_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

/**
 * Runs the daemon as the user `nobody`, who becomes the owner of the home. The executable is copied there, because the original
 * may be in a directory that only root can read.
 */
export function asNobody(home: string): string {
  const copy = join(home, "sup");
  if (!existsSync(copy)) copyFileSync(SUP, copy);
  chmodSync(copy, 0o755);
  const path = script(home, "sup-as-nobody", `exec ${BECOME_NOBODY.join(" ")} '${copy}' "$@"`);
  Bun.spawnSync(["chown", "-R", `${NOBODY}:${NOBODY}`, home]);
  return path;
}

/** Runs the daemon as the first process of a pid namespace, as in a container. The program exits with the daemon's exit code. */
export const asInit = (home: string): string =>
  script(home, "sup-as-init", `exec unshare --pid --fork --kill-child --mount-proc '${SUP}' "$@"`);

function script(home: string, name: string, line: string): string {
  const path = join(home, name);
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Returns the children of `pid` except the daemon's spawn server. The pids are those of this process's pid namespace. */
export const childrenOf = (pid: number): number[] => allChildrenOf(pid).filter((child) => !isSpawnServer(child));

/**
 * Returns the pid of the spawn server, which creates the processes of services. They inherit its limits and its cgroup, unless
 * their unit or sup sets them.
 */
export const spawnServerOf = (daemonPid: number): number => allChildrenOf(daemonPid).find(isSpawnServer)!;

function allChildrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim() === "" ? [] : text.trim().split(" ").map(Number);
}

/** Returns false for a zombie. After a re-exec, the previous daemon's spawn server stays a zombie for a second. */
function isSpawnServer(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8") === "sup-spawn\n" && alive(pid);
  } catch {
    return false; // the process has ended
  }
}

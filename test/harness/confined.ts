/** Daemons in other circumstances than the test's own: programs for the option `bin` of `startDaemon`. */
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SUP } from "./daemon.ts";
import { alive } from "./processes.ts";

export const isRoot = process.getuid!() === 0;

const NOBODY = 65_534;
export const BECOME_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

/** As the user `nobody`, whose home it becomes. The executable is copied there: the one under test may lie where only root looks. */
export function asNobody(home: string): string {
  const copy = join(home, "sup");
  if (!existsSync(copy)) copyFileSync(SUP, copy);
  chmodSync(copy, 0o755);
  const path = script(home, "sup-as-nobody", `exec ${BECOME_NOBODY.join(" ")} '${copy}' "$@"`);
  Bun.spawnSync(["chown", "-R", `${NOBODY}:${NOBODY}`, home]);
  return path;
}

/** As the first process of a pid namespace, as in a container. The exit code is the daemon's. */
export const asInit = (home: string): string =>
  script(home, "sup-as-init", `exec unshare --pid --fork --kill-child --mount-proc '${SUP}' "$@"`);

function script(home: string, name: string, line: string): string {
  const path = join(home, name);
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The children of `pid`, as this namespace counts them, without the daemon's spawn server. */
export const childrenOf = (pid: number): number[] => allChildrenOf(pid).filter((child) => !isSpawnServer(child));

/** The process that creates those of services. They inherit its limits and its cgroup, unless their unit or sup sets them. */
export const spawnServerOf = (daemonPid: number): number => allChildrenOf(daemonPid).find(isSpawnServer)!;

function allChildrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim() === "" ? [] : text.trim().split(" ").map(Number);
}

/** Not the one of a daemon before a re-exec, which is a zombie for a second. */
function isSpawnServer(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8") === "sup-spawn\n" && alive(pid);
  } catch {
    return false; // it has ended
  }
}

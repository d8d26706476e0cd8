/**
 * A cgroup (version 2) for every run: what is born in it stays in it, whatever session it makes, whoever adopts it and
 * however it cleans its environment. Controllers are for bounds.ts.
 *
 * The groups lie below the cgroup that the daemon itself is in: ROOT/UNIT.INVOCATION. A group that was killed as a whole is
 * not used again but replaced by UNIT.INVOCATION~2: Linux 6.18 kills what is later born into it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ptr } from "bun:ffi";
import { err, ok, type Result } from "../../base/result.ts";
import { homeOf } from "./limits.ts";
import { cstring, libc } from "../ffi/libc.ts";

export interface CgroupOptions {
  /** Names the state directory among others; letters and digits. */
  readonly key: string;
  /** The root of an earlier daemon: its groups may hold services still. */
  readonly known: string | null;
}

/** Where groups may be made, or why nowhere. */
export function openCgroups({ key, known }: CgroupOptions): Result<Cgroups, string> {
  const name = `sup-${key}`;
  const own = ownDirectory();
  const roots = [known, own.ok ? join(own.value, name) : null].filter((root): root is string => root !== null && basename(root) === name);
  let problem = own.ok ? "" : own.error;
  for (const root of roots) {
    if (root !== known || existsSync(dirname(root))) problem = makeDirectory(root) ?? "";
    else continue;
    if (problem === "") return ok(new Cgroups(root));
  }
  return err(problem || "there is no place for them");
}

export class Cgroups {
  readonly root: string;
  /** The groups of each run, the one in use last. */
  readonly #groups = new Map<string, { readonly name: string; count: number; killed: boolean }>();
  readonly #path: RegExp;
  #released: (invocation: string) => void = () => {};

  constructor(root: string) {
    this.root = root;
    this.#path = new RegExp(`^0::.*/${basename(root)}/([^/\n]+)\\.([^/.~\n]+)(~\\d+)?(/|$)`, "m");
    for (const name of list(root)) {
      const [, unit, invocation, again] = /^(.+)\.([^.~]+)(~\d+)?$/.exec(name) ?? [];
      if (unit === undefined || invocation === undefined) continue;
      const count = again === undefined ? 1 : Number(again.slice(1));
      if (count >= (this.#groups.get(invocation)?.count ?? 0))
        this.#groups.set(invocation, { name: `${unit}.${invocation}`, count, killed: true });
    }
  }

  /** Called when the groups of a run are gone. */
  onRelease(callback: (invocation: string) => void): void {
    this.#released = callback;
  }

  has(invocation: string): boolean {
    return this.#groups.has(invocation);
  }

  /** The directory that the run's next process is to be born in; null when none can be made (too many, no memory). */
  enter(unit: string, invocation: string): string | null {
    let group = this.#groups.get(invocation);
    if (group === undefined) this.#forgetOthers(unit, invocation);
    if (group === undefined || group.killed) {
      group = { name: `${unit}.${invocation}`, count: (group?.count ?? 0) + 1, killed: false };
      const directory = this.#directory(group.name, group.count);
      // Our root is gone when somebody tidied up what was empty.
      if (makeDirectory(directory) !== null && (makeDirectory(this.root) ?? makeDirectory(directory)) !== null) return null;
      this.#groups.set(invocation, group);
    }
    return this.#directory(group.name, group.count);
  }

  /** Those of the run that are there. */
  directoriesOf(invocation: string): string[] {
    const group = this.#groups.get(invocation);
    return group === undefined ? [] : Array.from({ length: group.count }, (_, i) => this.#directory(group.name, i + 1)).filter(existsSync);
  }

  /** SIGKILL to all that is in the run's groups, in one step that no fork outruns (Linux 5.14). */
  kill(invocation: string): void {
    const group = this.#groups.get(invocation);
    if (group === undefined) return;
    group.killed = true;
    for (let i = 1; i <= group.count; i++) {
      try {
        writeFileSync(join(this.#directory(group.name, i), "cgroup.kill"), "1");
      } catch {
        // gone already, or an older kernel: the signals have to do
      }
    }
  }

  /** The run whose group the process is in; null: in none of ours. Undefined: it cannot be told. */
  invocationOf(pid: number): string | null | undefined {
    try {
      return this.#path.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[2] ?? null;
    } catch {
      return undefined;
    }
  }

  /** Nothing of the run is alive: its groups go. One that is not empty after all stays. */
  release(invocation: string): void {
    const group = this.#groups.get(invocation);
    if (group === undefined) return;
    for (let i = 1; i <= group.count; i++) if (!removeTree(this.#directory(group.name, i))) return;
    this.#groups.delete(invocation);
    this.#released(invocation);
  }

  /** Removes what is empty; true when nothing is left. */
  close(): boolean {
    for (const invocation of [...this.#groups.keys()]) this.release(invocation);
    return removeTree(this.root);
  }

  /** Of earlier runs of the unit: their hooks may have made a group after the last of them was released. */
  #forgetOthers(unit: string, invocation: string): void {
    for (const [other, { name }] of this.#groups) if (other !== invocation && name === `${unit}.${other}`) this.release(other);
  }

  #directory(name: string, count: number): string {
    return join(this.root, count === 1 ? name : `${name}~${count}`);
  }
}

/** The directory of the cgroup that this process is in, if groups may be made below it. */
function ownDirectory(): Result<string, string> {
  const own = mountedDirectory();
  if (!own.ok) return own;
  const home = homeOf(own.value.directory);
  // What systemd manages and has not delegated is its own: https://systemd.io/CGROUP_DELEGATION
  if (!own.value.isTop && existsSync("/run/systemd/system") && !isDelegated(home))
    return err("systemd has not delegated our cgroup (Delegate=yes)");
  return ok(home);
}

/** Where the cgroup of this process is mounted, whoever it belongs to. */
export function mountedDirectory(): Result<{ readonly directory: string; readonly isTop: boolean }, string> {
  const path = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup"))?.[1];
  // mountinfo: ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE …; proc(5)
  const mount = read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" "))
    .find((fields) => fields[fields.indexOf("-") + 1] === "cgroup2");
  if (path === undefined || mount === undefined) return err("no cgroup v2 is mounted");
  const [root, point] = [mount[3]!, mount[4]!];
  const inside = root === "/" ? path : path === root ? "/" : path.startsWith(`${root}/`) ? path.slice(root.length) : null;
  if (inside === null || inside.startsWith("/..")) return err("our own cgroup lies outside of what is mounted");
  return ok({ directory: join(point, inside), isTop: homeOf(path) === "/" });
}

export function isDelegated(directory: string): boolean {
  return isMarked(directory) || isSaidToBe(directory);
}

/** The manager of a user (systemd 252) marks nothing, so it is asked. */
function isSaidToBe(directory: string): boolean {
  const unit = basename(directory);
  if (!/\/user@\d+\.service\//.test(directory) || !unit.endsWith(".service")) return false;
  const question = ["systemctl", "--user", "show", "--property=Delegate", "--value", "--", unit];
  try {
    return (
      Bun.spawnSync(question, { stdio: ["ignore", "pipe", "ignore"], timeout: MANAGER_MS })
        .stdout.toString()
        .trim() === "yes"
    );
  } catch {
    return false; // no systemctl: a container that shows the host's paths
  }
}

const MANAGER_MS = 3000;

function isMarked(directory: string): boolean {
  const path = cstring(directory);
  const value = Buffer.alloc(16);
  return ["user.delegate", "trusted.delegate"].some((name) => {
    const bytes = cstring(name);
    const length = Number(libc.getxattr(ptr(path), ptr(bytes), ptr(value), value.length));
    return length === 1 && value[0] === 0x31; // "1"
  });
}

/** Null, or the reason why not. */
function makeDirectory(path: string): string | null {
  try {
    mkdirSync(path);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === "EEXIST" ? null : `cannot make ${path}: ${code}`;
  }
}

/** False when something is in it still. A service may have made groups of its own inside. */
function removeTree(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return true;
    if (code !== "EBUSY") return false;
  }
  const inner = list(directory);
  if (inner.length === 0 || !inner.every((name) => removeTree(join(directory, name)))) return false;
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Checks files (directories, their modes and free space, settings and unit files) and the clock. */
import { accessSync, constants, lstatSync, readdirSync, statfsSync, statSync, type Stats, type StatsFs } from "node:fs";
import type { Problem } from "../../spec/parse/problems.ts";
import { loadSettings } from "../../spec/schema/settings.ts";
import { isSameFile } from "../files/same-file.ts";
import { verifyPaths } from "../files/verify.ts";
import { readOrNull } from "../systemd/target.ts";
import { troubledFirst } from "../render/state.ts";
import { why } from "../render/why.ts";
import { error, note, warning, type Facts, type Finding } from "./finding.ts";

export function checkDirectories({ context, places, daemon }: Facts): Finding[] {
  const { uid } = context.host;
  const found: Finding[] = [];
  for (const path of [places.state, places.logs, places.runtime]) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      if (daemon !== null) found.push(error(`${path} is missing, but a daemon is running`, "sup daemon stop, then start it again"));
    } else found.push(...judgeDirectory(path, stat, uid, path === places.logs ? 0o027 : 0o077));
  }
  for (const path of places.unitPath) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) found.push(...judgeUnits(path, stat, uid));
  }
  for (const path of [places.token, `${places.state}/sup.db`]) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && (stat.mode & 0o077) !== 0)
      found.push(warning(`${path} can be read by others (${octal(stat)})`, `chmod 600 ${path}`));
  }
  return found;
}

/** `forbidden` are the rights that others must not have. A group may list the log directory, for `log.group`. */
function judgeDirectory(path: string, stat: Stats, uid: number, forbidden: number): Finding[] {
  if (!stat.isDirectory()) return [error(`${path} is not a directory`, `move it away: mv ${path} ${path}.old`)];
  if (stat.uid !== uid) return [error(`${path} belongs to user ${stat.uid}, not to you (${uid})`, `as root: chown -R ${uid} ${path}`)];
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (problem) {
    const readOnly = (problem as NodeJS.ErrnoException).code === "EROFS";
    return [error(`${path} cannot be written${readOnly ? ": its file system is read-only" : ""}`, readOnly ? "mount it for writing" : `chmod 700 ${path}`)]; // prettier-ignore
  }
  return (stat.mode & forbidden) === 0 ? [] : [warning(`${path} is open to others (${octal(stat)})`, `chmod 700 ${path}`)];
}

/** Checks that no other user can write the unit files, because a unit file decides what the daemon runs. */
function judgeUnits(directory: string, stat: Stats, uid: number): Finding[] {
  if (!stat.isDirectory()) return [error(`${directory} is not a directory`, "the unit path lists directories with unit files")];
  const paths = [directory, ...namesIn(directory).filter((name) => name.endsWith(".unit.json")).map((name) => `${directory}/${name}`)]; // prettier-ignore
  return paths.flatMap((path) => judgeUnitFile(path, uid));
}

function judgeUnitFile(path: string, uid: number): Finding[] {
  const own = statSync(path, { throwIfNoEntry: false });
  if (own === undefined) return [];
  if (own.uid !== 0 && own.uid !== uid)
    return [error(`${path} belongs to user ${own.uid}, who can thereby run commands as you`, `chown ${uid} ${path}`)];
  return (own.mode & 0o022) === 0 ? [] : [error(`${path} can be written by others (${octal(own)}), who can thereby run commands as you`, `chmod go-w ${path}`)]; // prettier-ignore
}

const placeOf = ({ file, line }: Problem): string => (line === null ? file : `${file}:${line}`);

const MiB = 1024 * 1024;

export function checkDisk({ places }: Facts): Finding[] {
  const found = new Map<string, Finding>();
  for (const [what, path] of [
    ["the database", places.state],
    ["logs", places.logs],
  ] as const) {
    // prettier-ignore
    const disk = statfs(path);
    if (disk === null) continue;
    const free = disk.bavail * disk.bsize;
    const share = disk.blocks === 0 ? 1 : disk.bavail / disk.blocks;
    const fix =
      "free some space; limits: log.max_size_mb and log.keep of the units, store.max_size_mb and metrics.retention_days in sup.json";
    const words = `${Math.floor(free / MiB)} MiB are left for ${what} on the disk of ${path}`;
    if (free < 10 * MiB) found.set(`${disk.blocks}/${free}`, error(words, fix));
    else if (free < 200 * MiB && share < 0.1) found.set(`${disk.blocks}/${free}`, warning(words, fix));
    if (disk.files > 0 && disk.ffree < Math.min(1000, disk.files * 0.01))
      found.set(`${disk.blocks}/inodes`, error(`${disk.ffree} of ${disk.files} inodes are left on the disk of ${path}`, "remove small files; df -i shows the file systems")); // prettier-ignore
  }
  return [...found.values()];
}

/** The tolerance for the clock is one day, because a clock that was set by hand may be off by some minutes. */
const TOLERANCE_MS = 86_400_000;

export function checkClock({ context, places }: Facts): Finding[] {
  const now = context.host.now();
  const fix = "set the clock and keep it synchronized: timedatectl set-ntp true, or chrony";
  const newest = Math.max(0, ...[`${places.state}/sup.db`, `${places.state}/sup.db-wal`, context.host.program].map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)); // prettier-ignore
  if (newest > now + TOLERANCE_MS)
    return [warning(`the clock shows ${dayOf(now)}, but sup's own files are from ${dayOf(newest)}: the clock is wrong or was set back`, fix)]; // prettier-ignore
  return [];
}

export function checkSettings({ places }: Facts): Finding[] {
  const text = readOrNull(places.settings);
  if (text === null) return [];
  const { problems } = loadSettings({ path: places.settings, text });
  return problems.map((problem) =>
    (problem.severity === "error" ? error : warning)(
      `${placeOf(problem)}: ${problem.message}`,
      problem.hint ??
        (problem.severity === "error" ? "fix it: the daemon does not start with this error" : "fix it, then restart the daemon"),
    ),
  );
}

export async function checkUnits({ context, places, daemon, status }: Facts): Promise<Finding[]> {
  const leftAlone = (daemon?.left_alone ?? []).map(({ directory }) => directory);
  const { problems } = await verifyPaths(
    context.roles,
    [],
    places.unitPath.filter((path) => !leftAlone.includes(path)),
  );
  // Root's daemon refuses files that others can change. `checkDirectories` has reported them, with the command that fixes them.
  const isReported = ({ file, line }: Problem): boolean =>
    context.host.uid === 0 && line === null && file.endsWith(".unit.json") && judgeUnitFile(file, 0).length > 0;
  const others = problems.filter((problem) => !isReported(problem));
  const found = others.map((problem) =>
    (problem.severity === "error" ? error : warning)(
      `${placeOf(problem)}: ${problem.message}`,
      problem.hint ?? "sup verify shows the place; then sup reload",
    ),
  );
  // A file with errors is among the problems above.
  const troubled = troubledFirst((status?.services ?? []).map((service) => ({ ...service, problems: [] })));
  const now = context.host.now();
  return [
    ...found,
    ...troubled.map((service) => {
      const isDown = service.state === "fatal" || service.state === "failed";
      return (isDown ? error : warning)(
        `unit ${service.id} is ${service.state === "backoff" ? "in " : ""}${service.state}: ${why(service, now)}`,
        `sup why ${service.id}`,
      );
    }),
  ];
}

/**
 * Checks that `sup` on PATH is this program, because the shell and the service may otherwise run different ones. Also checks that
 * no other user can write the program if root runs it.
 */
export function checkProgram({ context }: Facts): Finding[] {
  const { host } = context;
  if (!host.compiled) return [];
  const found: Finding[] = [];
  const first = Bun.which("sup", { PATH: host.env.PATH ?? "" });
  if (first !== null && !isSameFile(first, host.program))
    found.push(note(`\`sup\` on your PATH is ${first}; this is ${host.program}`, `remove one of them, or call this one by its path`));
  const stat = statSync(host.program, { throwIfNoEntry: false });
  if (host.uid === 0 && stat !== undefined && (stat.uid !== 0 || (stat.mode & 0o022) !== 0))
    found.push(error(`${host.program} runs as root, but other users can write it`, `chown root ${host.program}; chmod go-w ${host.program}`)); // prettier-ignore
  return found;
}

function statfs(path: string): StatsFs | null {
  try {
    return statfsSync(path);
  } catch {
    return null; // the path does not exist yet
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const octal = ({ mode }: Stats): string => (mode & 0o777).toString(8).padStart(4, "0");

/** The daemon itself: does it answer, and is it the one that this command line goes with? */
import { lstatSync, statSync } from "node:fs";
import { descriptorUsage, isExecutableReplaced } from "../../linux/proc/daemon-details.ts";
import { findPortOwner } from "../../linux/io/tcp-listeners.ts";
import { hasListener } from "../../linux/io/unix-listeners.ts";
import { readUnitFile } from "../systemd/target.ts";
import { error, note, warning, type Facts, type Finding } from "./finding.ts";

export function checkDaemon({ context, places, target, status, lives }: Facts): Finding[] {
  if (status !== null) return [];
  const log = `${places.logs}/sup.log`;
  if (target.places.socket !== places.socket && hasListener(target.places.socket)) return []; // the runtime directory's business
  if (lives)
    return [error(`a daemon holds the lock on ${places.state} but does not answer on ${places.socket}`, `see ${log}; if it hangs: kill -9 $(cat ${places.state}/lock), its services go on; then start it again`)]; // prettier-ignore
  const socket = lstatSync(places.socket, { throwIfNoEntry: false });
  if (socket !== undefined && !socket.isSocket())
    return [error(`${places.socket} is no socket: no daemon can listen there`, `move it away: mv ${places.socket} ${places.socket}.old`)];
  if (socket !== undefined && hasListener(places.socket))
    return [error(`a daemon listens on ${places.socket} but does not answer you`, `it may be another user's: see ls -l ${places.socket}`)];
  const start =
    context.host.systemdRuns() && readUnitFile(target) !== null ? target.systemctl("start", "sup").join(" ") : "sup daemon start";
  if (socket !== undefined)
    return [
      warning(`no daemon runs; the socket ${places.socket} is left from one that was killed`, `${start} (it clears the socket away)`),
    ];
  return [warning("no daemon runs", start)];
}

export function checkVersion({ context, daemon }: Facts): Finding[] {
  if (daemon === null) return [];
  const renew = "sup daemon restart (services go on)";
  if (daemon.version !== context.version) return [warning(`the daemon is sup ${daemon.version}, this is sup ${context.version}`, renew)];
  if (isExecutableReplaced(daemon.pid)) return [warning(`the daemon's program was replaced or removed since it started`, renew)];
  return [];
}

/** Descriptors of a running unit: its pidfd, two logs and their files, a socket for its notifications, some for probes. */
const PER_UNIT = 8;
const OWN = 64;

export function checkDescriptors({ status, daemon }: Facts): Finding[] {
  const seen = daemon === null ? null : descriptorUsage(daemon.pid);
  if (seen === null || status === null) return [];
  const needed = OWN + PER_UNIT * status.services.length;
  const fix = "raise its hard limit: LimitNOFILE= of the systemd service, or `ulimit -Hn` before it starts, then sup daemon stop and start";
  if (seen.hard < needed)
    return [warning(`the daemon may open ${seen.hard} files, and ${status.services.length} units can need ${needed}`, fix)];
  if (seen.open > seen.hard * 0.8) return [warning(`the daemon has ${seen.open} of ${seen.hard} files open`, fix)];
  return [];
}

export function checkPort({ daemon, settings, places }: Facts): Finding[] {
  if (settings === null || !settings.api.enabled) return [];
  const { port } = settings.api;
  const fix = `choose another in ${places.settings}: {"api": {"port": ${port + 1}}}, or end the other one; then restart the daemon`;
  if (daemon === null) {
    const other = findPortOwner(port);
    return other === null ? [] : [warning(`port ${port}, for the page and the API, is taken by ${other}`, fix)];
  }
  const taken = daemon.url === null ? daemon.notes.find((line) => line.startsWith(`port ${port} is taken`)) : undefined;
  if (taken !== undefined) return [warning(taken, fix)];
  return daemon.url === null ? [warning("the page and the API are not on TCP", `see the notes of sup daemon status`)] : [];
}

/** What the daemon says of itself, but for what other checks tell with a fix. */
export function checkNotes({ daemon }: Facts): Finding[] {
  if (daemon === null) return [];
  const { notes } = daemon;
  const own = notes.filter((line) => !/^port \d+ is taken|: (error|warning): /.test(line));
  return own.map((line) => note(line, "see sup daemon status and sup.log"));
}

export function checkCgroups({ context, daemon, target, places }: Facts): Finding[] {
  if (daemon === null || daemon.containment === "cgroup") return [];
  const why = daemon.containment_note ?? "";
  return [note(`runs have no cgroups of their own: ${why}`, howToHaveCgroups(why, context, target, places.settings))];
}

function howToHaveCgroups(why: string, { host }: Facts["context"], target: Facts["target"], settings: string): string {
  if (why.startsWith("switched off")) return `if you want them: "containment": "auto" in ${settings}, then restart the daemon`;
  if (host.systemdRuns())
    return readUnitFile(target) === null
      ? "sup install-service: its unit has Delegate=yes"
      : `have systemd run it (${target.systemctl("status", "sup").join(" ")}); its unit has Delegate=yes`;
  const without = "without, processes are told by their session, parents and environment";
  return host.uid === 0
    ? `mount cgroup v2 so that it can be written (mount -t cgroup2 cgroup2 /sys/fs/cgroup), then restart the daemon; ${without}`
    : `run sup as root, or where its cgroup can be written; ${without}`;
}

/** Without XDG_RUNTIME_DIR, or with one that is not ours, this command line and the daemon miss each other. */
export function checkRuntimeDirectory({ context, target }: Facts): Finding[] {
  const { host, places } = context;
  if (places.mode !== "user") return [];
  const given = host.env.XDG_RUNTIME_DIR;
  if (!given) {
    const usual = host.runtimeDirectory(host.uid);
    if (statSync(usual, { throwIfNoEntry: false }) === undefined) return [];
    const there = hasListener(target.places.socket) ? `, and your daemon answers on ${target.places.socket}` : "";
    const add = `export XDG_RUNTIME_DIR=${usual}`;
    return [(there ? error : warning)(`XDG_RUNTIME_DIR is not set: sup looks for the daemon in ${places.runtime}${there}`, add)];
  }
  const stat = statSync(given, { throwIfNoEntry: false });
  if (stat === undefined) return [error(`XDG_RUNTIME_DIR is ${given}, which does not exist`, "log in anew, or unset it")];
  if (stat.uid !== host.uid)
    return [error(`XDG_RUNTIME_DIR is ${given}, which belongs to user ${stat.uid}`, `export XDG_RUNTIME_DIR=${host.runtimeDirectory(host.uid)}`)]; // prettier-ignore
  return [];
}

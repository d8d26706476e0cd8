/** Checks the daemon itself: whether it answers, and whether its version matches this command line. */
import { lstatSync, statSync } from "node:fs";
import { descriptorUsage, isExecutableReplaced } from "../../linux/proc/daemon-details.ts";
import { findPortOwner } from "../../linux/io/tcp-listeners.ts";
import { hasListener } from "../../linux/io/unix-listeners.ts";
import { readUnitFile } from "../systemd/target.ts";
import { error, note, warning, type Facts, type Finding } from "./finding.ts";

export function checkDaemon({ context, places, target, status, lives }: Facts): Finding[] {
  if (status !== null) return [];
  const log = `${places.logs}/sup.log`;
  if (target.places.socket !== places.socket && hasListener(target.places.socket)) return []; // checkRuntimeDirectory reports it
  if (lives)
    return [error(`a daemon holds the lock on ${places.state} but does not answer on ${places.socket}`, `see ${log}; if it hangs: kill -9 $(cat ${places.state}/lock), then start it again; its services keep running`)]; // prettier-ignore
  const socket = lstatSync(places.socket, { throwIfNoEntry: false });
  if (socket !== undefined && !socket.isSocket())
    return [
      error(`${places.socket} is not a socket, so no daemon can listen there`, `move it away: mv ${places.socket} ${places.socket}.old`),
    ];
  if (socket !== undefined && hasListener(places.socket))
    return [error(`a daemon listens on ${places.socket} but does not answer you`, `it may belong to another user: ls -l ${places.socket}`)];
  const start =
    context.host.systemdRuns() && readUnitFile(target) !== null ? target.systemctl("start", "sup").join(" ") : "sup daemon start";
  if (socket !== undefined)
    return [
      warning(`no daemon is running; a killed daemon left the socket ${places.socket} behind`, `${start} (removes the stale socket)`),
    ];
  return [warning("no daemon is running", start)];
}

export function checkVersion({ context, daemon }: Facts): Finding[] {
  if (daemon === null) return [];
  const renew = "sup daemon restart (services keep running)";
  if (daemon.version !== context.version) return [warning(`the daemon is sup ${daemon.version}, this is sup ${context.version}`, renew)];
  if (isExecutableReplaced(daemon.pid)) return [warning(`the daemon's program was replaced or removed since it started`, renew)];
  return [];
}

/**
 * The number of file descriptors that the daemon needs per running unit. They are a pidfd, two output pipes and their log files,
 * an sd_notify socket, and some for probes.
 */
const PER_UNIT = 8;
const FOR_DAEMON = 64;

export function checkDescriptors({ status, daemon }: Facts): Finding[] {
  const descriptors = daemon === null ? null : descriptorUsage(daemon.pid);
  if (descriptors === null || status === null) return [];
  const needed = FOR_DAEMON + PER_UNIT * status.services.length;
  const fix = "raise its hard limit: LimitNOFILE= of the systemd service, or `ulimit -Hn` before it starts, then sup daemon stop and start";
  if (descriptors.hard < needed)
    return [warning(`the daemon may open ${descriptors.hard} files, but ${status.services.length} units can need ${needed}`, fix)];
  if (descriptors.open > descriptors.hard * 0.8)
    return [warning(`the daemon has ${descriptors.open} of ${descriptors.hard} files open`, fix)];
  return [];
}

export function checkPort({ daemon, settings, places }: Facts): Finding[] {
  if (settings === null || !settings.api.enabled) return [];
  const { port } = settings.api;
  const fix = `choose another port in ${places.settings}: {"api": {"port": ${port + 1}}}, or stop the other program; then restart the daemon`;
  if (daemon === null) {
    const other = findPortOwner(port);
    return other === null ? [] : [warning(`port ${port} of the web page and the API is taken by ${other}`, fix)];
  }
  const taken = daemon.url === null ? daemon.notes.find((line) => line.startsWith(`port ${port} is taken`)) : undefined;
  if (taken !== undefined) return [warning(taken, fix)];
  return daemon.url === null ? [warning("the web page and the API do not listen on TCP", `see the notes in sup daemon status`)] : [];
}

const NOTIFICATION_NOTE = /^notifications cannot be sent to |^the heartbeat fails: |: `notify` names the channel /;

export function checkNotifications({ daemon, places }: Facts): Finding[] {
  const notes = daemon?.notes.filter((line) => NOTIFICATION_NOTE.test(line)) ?? [];
  return notes.map((line) => warning(line, `correct ${places.settings} and run sup reload; sup notify test sends a test message`));
}

/** Reports the daemon's notes, except notes about problems for which another check reports a fix. */
export function checkNotes({ daemon }: Facts): Finding[] {
  if (daemon === null) return [];
  const { notes } = daemon;
  const unreported = notes.filter((line) => !/^port \d+ is taken|: (error|warning): /.test(line) && !NOTIFICATION_NOTE.test(line));
  return unreported.map((line) => note(line, "see sup daemon status and sup.log"));
}

export function checkCgroups({ context, daemon, target, places }: Facts): Finding[] {
  if (daemon === null || daemon.containment === "cgroup") return [];
  const why = daemon.containment_note ?? "";
  return [note(`processes are not tracked by cgroup: ${why}`, howToGetCgroups(why, context, target, places.settings))];
}

function howToGetCgroups(why: string, { host }: Facts["context"], target: Facts["target"], settings: string): string {
  if (why.startsWith("switched off")) return `to enable cgroups: set "containment": "auto" in ${settings}, then restart the daemon`;
  if (host.systemdRuns())
    return readUnitFile(target) === null
      ? "sup install-service: its systemd unit has Delegate=yes"
      : `run the daemon under systemd (${target.systemctl("status", "sup").join(" ")}); its systemd unit has Delegate=yes`;
  const without = "without cgroups, processes are tracked by session, parent and environment";
  return host.uid === 0
    ? `mount cgroup v2 writable (mount -t cgroup2 cgroup2 /sys/fs/cgroup), then restart the daemon; ${without}`
    : `run sup as root, or in a cgroup that it may write; ${without}`;
}

/** Checks XDG_RUNTIME_DIR. If it is unset or belongs to another user, this command line does not find the daemon's socket. */
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
  if (stat === undefined) return [error(`XDG_RUNTIME_DIR is ${given}, which does not exist`, "log in again, or unset it")];
  if (stat.uid !== host.uid)
    return [error(`XDG_RUNTIME_DIR is ${given}, which belongs to user ${stat.uid}`, `export XDG_RUNTIME_DIR=${host.runtimeDirectory(host.uid)}`)]; // prettier-ignore
  return [];
}

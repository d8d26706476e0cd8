import { signalName, signalNumber } from "../../base/signals.ts";
import { escapeText } from "../../spec/load/specifiers.ts";
import { ImportDraft, type UnitDraft } from "./draft.ts";
import { posix } from "./paths.ts";
import { finishScript, inside, logger, runScript, type ServiceDirectory } from "./service-directory.ts";
import type { SourceFiles } from "./types.ts";

const OWN_FILES = [
  "notification-fd",
  "timeout-kill",
  "timeout-finish",
  "down-signal",
  "max-death-tally",
  "dependencies.d",
  "producer-for",
  "consumer-for",
  "lock-fd",
];

/** Returns true for a service directory of s6 (s6-supervise), or a definition of s6-rc. */
export function isS6Directory(path: string, files: SourceFiles): boolean {
  if (typeOf(path, files) !== null) return true;
  const run = files.read(inside(path, "run"));
  return (
    run !== null &&
    (OWN_FILES.some((name) => files.kind(inside(path, name)) !== null) || /execlineb|with-contenv|\bs6-/.test(run.split("\n", 1)[0]!))
  );
}

const TYPES = ["longrun", "oneshot", "bundle"];

function typeOf(path: string, files: SourceFiles): string | null {
  const text = files.read(inside(path, "type"))?.trim();
  return text !== undefined && TYPES.includes(text) ? text : null;
}

/** Imports service directories of s6 and definitions of s6-rc. A bundle becomes a group. */
export function importS6(paths: readonly string[], files: SourceFiles): ImportDraft {
  const draft = new ImportDraft();
  const bundles = paths.filter((path) => typeOf(path, files) === "bundle");
  for (const path of paths) {
    const type = typeOf(path, files);
    if (type === "bundle") continue;
    if (type === "oneshot") oneshot(draft, path, files);
    else longrun(draft, path, files, type !== null);
  }
  for (const path of bundles) bundle(draft, path, files);
  if (bundles.length === paths.length)
    draft.refuse(paths[0] ?? "/", "a bundle is only a list of services", "import the services together with it");
  return draft;
}

function longrun(draft: ImportDraft, path: string, files: SourceFiles, isRc: boolean): void {
  const service = runScript(draft, path, files);
  if (service === null) return;
  const { unit } = service;
  finishScript(service);
  logger(service);
  for (const name of files.list(path)) setting(service, name, isRc);
  if (/with-contenv/.test(files.read(inside(path, "run")) ?? ""))
    unit.approximated(
      "run",
      inside(path, "run"),
      "with-contenv gives the script the container's environment, and a unit does not inherit it",
      'set the variables in "environment" or "environment_files"',
    );
  dependencies(service);
}

function setting({ unit, path, files }: ServiceDirectory, name: string, isRc: boolean): void {
  const where = inside(path, name);
  const value = (files.kind(where) === "file" ? files.read(where) : null)?.trim() ?? "";
  const ms = /^\d{1,9}$/.test(value) ? Number(value) : null;
  if (name === "down" && !isRc) {
    unit.set("enabled", false);
    unit.carried("down", "enabled", where);
  } else if (name === "down-signal") {
    const number = signalNumber(value);
    if (number === undefined) unit.drop(name, where, "there is no such signal");
    else unit.carry(name, "graceful_shutdown.signal", signalName(number), where);
  } else if (name === "timeout-kill" && ms !== null) {
    if (ms > 0) unit.carry(name, "graceful_shutdown.timeout", ms / 1000, where);
    else unit.approximated(name, where, "0 means never; sup sends SIGKILL after 10 s", 'raise "graceful_shutdown": { "timeout": … }');
  } else if (name === "notification-fd")
    unit.drop(
      name,
      where,
      "sup waits for READY=1 (sd_notify) or a health check, not for a line on a descriptor",
      'add a "health_check", or let the script notify with systemd-notify and set "type": "notify"',
    );
  else if (name === "timeout-up" && ms !== null && ms > 0) unit.carry(name, "start_timeout", ms / 1000, where);
  else if (name === "timeout-down" && ms !== null && ms > 0) unit.carry(name, "graceful_shutdown.timeout", ms / 1000, where);
  else if (name === "producer-for" || name === "consumer-for" || name === "pipeline-name")
    unit.drop(name, where, "sup does not connect services with pipes; it logs the output by itself", "leave out the logger");
  else if (name === "max-death-tally") unit.drop(name, where, "the unit is retried without a limit", 'see "restart_policy"');
  else if (name === "env" && files.kind(where) === "directory")
    unit.approximated(name, where, "the script run reads the directory itself, with s6-envdir", "keep the package installed");
  else if (/^(timeout-|lock-fd|flag-|template|instances?$)/.test(name)) unit.drop(name, where, "sup has no such setting");
  else if (name === "type") unit.carried(name, "type", where);
  else if (!/^(run|finish|log|supervise|event|dependencies(\.d)?|\..*)$/.test(name))
    unit.carried(name, "the scripts of the service may read it", where);
}

function oneshot(draft: ImportDraft, path: string, files: SourceFiles): void {
  const name = posix.basename(path);
  const up = files.read(inside(path, "up"));
  if (up === null) return draft.refuse(path, "cannot import the service: it has no file up");
  const unit = draft.unit(name, name, path);
  unit.argv(execline(up, inside(path, "up")));
  unit.carried("up", "command", inside(path, "up"));
  unit.set("type", "oneshot");
  unit.set("remain_after_exit", true);
  unit.set("enabled", true);
  unit.set("auto_restart", false);
  unit.carried("type", 'type "oneshot"', inside(path, "type"));
  const down = files.read(inside(path, "down"));
  if (down !== null && down.trim() !== "") {
    const [command = "", ...args] = execline(down, inside(path, "down")).map((word) => escapeText(word));
    unit.set("post_stop", [{ command, args }]);
    unit.carried("down", "post_stop", inside(path, "down"));
  }
  for (const each of files.list(path)) if (!["up", "down", "type"].includes(each)) setting({ unit, path, files }, each, true);
  dependencies({ unit, path, files });
}

/** A command line of execline. A line of plain words can run without execlineb. */
function execline(text: string, path: string): string[] {
  const line = text.replaceAll(/^[ \t]*#.*$/gm, "").trim();
  return /^[\w./ =:,@%+-]+$/.test(line) ? line.split(/ +/) : ["execlineb", "-P", path];
}

function dependencies({ unit, path, files }: ServiceDirectory): void {
  const lines = (files.read(inside(path, "dependencies")) ?? "").split(/\s+/).filter((name) => name !== "");
  for (const name of [...lines, ...files.list(inside(path, "dependencies.d"))]) {
    if (name === "base") unit.carried("dependencies", "base is part of s6-overlay", inside(path, "dependencies.d"));
    else unit.depend(name, {}, "dependencies", inside(path, "dependencies.d"));
  }
}

function bundle(draft: ImportDraft, path: string, files: SourceFiles): void {
  const name = posix.basename(path);
  const members = new Set([...(files.read(inside(path, "contents")) ?? "").split(/\s+/), ...files.list(inside(path, "contents.d"))]);
  const found = draft.units.filter(({ id }) => members.has(id));
  for (const unit of found) addGroup(unit, name, path);
  if (found.length === 0) draft.drop(name, path, "none of the services of this bundle is imported");
}

function addGroup(unit: UnitDraft, name: string, path: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) return unit.drop(`bundle ${name}`, path, "it is not a valid name of a group");
  unit.list("groups").push(name);
  unit.carried(`bundle ${name}`, `groups: \`sup start @${name}\``, path);
}

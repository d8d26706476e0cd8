import { ImportDraft } from "../draft.ts";
import { refuseTemplate } from "../templates.ts";
import type { SourceFiles } from "../types.ts";
import { readConfig, type Config } from "./config.ts";
import type { Section } from "./ini.ts";
import { expandPercent } from "./percent.ts";
import { processesOf, Reader, SectionFault, toInteger, type Process } from "./programs.ts";
import { parsePairs } from "./shlex.ts";
import { toUnit, type Daemon } from "./to-unit.ts";
import { unknownKey } from "./unknown-key.ts";

/** Imports supervisord's files. Fragments without `[supervisord]`, such as those in conf.d, are accepted. */
export function importSupervisord(paths: readonly string[], files: SourceFiles): ImportDraft {
  const draft = new ImportDraft();
  const config = readConfig(paths, files);
  for (const path of config.files) {
    if (refuseTemplate(draft, path, files.read(path) ?? "", "a configuration")) return draft;
  }
  for (const { where, message } of config.faults) draft.refuse(where, message);
  for (const { pattern, where } of config.unmatched)
    draft.drop("include", where, `no file matches ${pattern}`, "import the included files too, if they are elsewhere");
  importPrograms(draft, config, daemonOf(draft, config));
  return draft;
}

function importPrograms(draft: ImportDraft, config: Config, daemon: Daemon): void {
  const groups = groupsOf(draft, config);
  const found: Process[] = [];
  for (const section of config.sections.values()) {
    const kind = section.name.slice(0, Math.max(0, section.name.indexOf(":")));
    const where = `${section.file}:${section.line}`;
    if (kind === "program") {
      const group = groups.get(section.name.slice("program:".length).trim()) ?? null;
      try {
        found.push(...processesOf(section, group, config, daemon.environment));
      } catch (thrown) {
        if (!(thrown instanceof SectionFault)) throw thrown;
        draft.refuse(whereOf(section, thrown.option), `supervisord refuses [${section.name}]: ${thrown.option}: ${thrown.message}`, null);
      }
    } else if (kind === "eventlistener")
      draft.refuse(
        where,
        `[${section.name}] is not imported: it speaks supervisord's event protocol`,
        "use `sup events -f`, alerts, or GET /api/supervisor/events/stream",
      );
    else if (kind === "fcgi-program")
      draft.refuse(
        where,
        `[${section.name}] is not imported: it gets its socket as descriptor 0, and sup passes sockets from descriptor 3`,
        "let the program open the socket itself, or run it with spawn-fcgi",
      );
    else if (kind !== "group") reportSection(draft, section, where);
  }
  const hasPriorities = found.some(({ priority }) => priority !== 999);
  for (const proc of found) toUnit(draft, proc, { daemon, hasPriorities, groups, many: found });
}

const whereOf = (section: Section, option: string): string => `${section.file}:${section.options.get(option)?.line ?? section.line}`;

/** Returns the group of each program that a `[group:x]` section names. */
function groupsOf(draft: ImportDraft, config: Config): Map<string, string> {
  const groups = new Map<string, string>();
  for (const section of config.sections.values()) {
    if (!section.name.startsWith("group:")) continue;
    const group = section.name.slice("group:".length).trim();
    const where = `${section.file}:${section.line}`;
    for (const program of (section.options.get("programs")?.value ?? "").split(",").map((each) => each.trim())) {
      if (config.sections.has(`program:${program}`)) groups.set(program, group);
      else if (program !== "" && !config.sections.has(`fcgi-program:${program}`))
        draft.drop(`[${section.name}] programs`, where, `there is no [program:${program}]`);
    }
    if (section.options.has("priority"))
      draft.drop(`[${section.name}] priority`, where, "sup has no order of groups", 'set "priority" of the units, or "dependencies"');
    for (const option of section.options.keys())
      if (option !== "programs" && option !== "priority")
        draft.drop(`[${section.name}] ${option}`, where, "supervisord does not know this key either");
  }
  return groups;
}

const DAEMON_KEYS: ReadonlySet<string> = new Set("logfile logfile_maxbytes logfile_backups loglevel pidfile nodaemon silent childlogdir nocleanup strip_ansi identifier".split(" ")); // prettier-ignore

/** Reads `[supervisord]`, whose environment, user, directory, umask and limits all programs inherit. */
function daemonOf(draft: ImportDraft, config: Config): Daemon {
  const section = config.sections.get("supervisord");
  const daemon: Daemon = { environment: new Map(), user: null, directory: null, umask: null, limits: {} };
  if (!section) return daemon;
  const reader = new Reader(section, config, new Map());
  for (const [option, { value, line }] of section.options) {
    const where = `${section.file}:${line}`;
    const field = `[supervisord] ${option}`;
    if (option === "environment") {
      const expanded = expandPercent(value, new Map());
      const pairs = expanded.ok ? parsePairs(expanded.value) : expanded;
      if (pairs.ok) {
        daemon.environment = pairs.value;
        draft.carried(field, "environment of every unit", where);
      } else draft.refuse(where, `supervisord refuses [supervisord]: environment: ${pairs.error}`);
    } else if (option === "minfds" || option === "minprocs") {
      const least = toInteger(value);
      if (least !== null) daemon.limits[option === "minfds" ? "nofile" : "nproc"] = { value: least, field, where };
    } else if (option === "user" || option === "directory" || option === "umask") {
      try {
        daemon[option] = { value: reader.text(option)!, field, where };
      } catch (thrown) {
        if (!(thrown instanceof SectionFault)) throw thrown;
        draft.drop(field, where, thrown.message);
      }
    } else if (DAEMON_KEYS.has(option)) draft.drop(field, where, "it concerns supervisord itself");
    else draft.drop(field, where, unknownKey(option, DAEMON_KEYS));
  }
  return daemon;
}

const SERVER_SECTIONS = /^(unix_http_server|inet_http_server|supervisorctl|(rpcinterface|ctlplugin):.*)$/;

function reportSection(draft: ImportDraft, section: Section, where: string): void {
  if (section.name === "supervisord" || section.name === "include") return;
  if (section.name === "DEFAULT") {
    for (const [option, { line }] of section.options)
      draft.carried(`[DEFAULT] ${option}`, "a default of every section", `${section.file}:${line}`);
    return;
  }
  const why = SERVER_SECTIONS.test(section.name)
    ? "it concerns supervisord's own interface"
    : "supervisord does not know this section either";
  draft.drop(`[${section.name}]`, where, why, section.name === "inet_http_server" ? "sup has a page of its own: `sup dashboard`" : null);
}

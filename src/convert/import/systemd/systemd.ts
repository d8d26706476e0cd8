import { ImportDraft, type UnitDraft } from "../draft.ts";
import { posix } from "../paths.ts";
import { refuseTemplate } from "../templates.ts";
import type { SourceFiles } from "../types.ts";
import { importLinks, importUnitSection, unitName } from "./links.ts";
import { parseUnit, Settings, whereOf, type ParsedUnit } from "./parse.ts";
import { importService } from "./service.ts";
import { importSocket } from "./sockets.ts";
import type { UnitNames } from "./specifiers.ts";
import { importTimer } from "./timers.ts";

/** One systemd unit with its drop-ins. */
interface Source {
  readonly path: string;
  readonly names: UnitNames;
  readonly parsed: ParsedUnit;
}

/** Imports systemd's units. The settings of `.socket` and `.timer` files are added to the service that they belong to. */
export function importSystemd(paths: readonly string[], files: SourceFiles): ImportDraft {
  const draft = new ImportDraft();
  const sources = withCompanions(paths, files).flatMap((path) => read(draft, path, files) ?? []);
  const services = new Map<string, UnitDraft>();
  for (const source of sources.filter(({ names }) => names.suffix === ".service")) {
    const unit = importOne(draft, source);
    services.set(source.names.name + source.names.suffix, unit);
  }
  const users = new Set(sources.flatMap(({ names }) => (names.isUser ? [names.name + names.suffix] : [])));
  for (const source of sources) {
    if (source.names.suffix === ".socket") companion(draft, source, { services, users }, "Socket", "Service");
    else if (source.names.suffix === ".timer") companion(draft, source, { services, users }, "Timer", "Unit");
    else if (source.names.suffix !== ".service") refuseOther(draft, source);
  }
  for (const source of sources) {
    const unit = services.get(source.names.name + source.names.suffix);
    if (unit) importLinks(unit, new Settings(source.parsed, "Unit"), source.names, services);
  }
  return draft;
}

/** A service is not complete without its socket and timer, so files with the same name in the same directory are read too. */
function withCompanions(paths: readonly string[], files: SourceFiles): string[] {
  const all = new Set(paths);
  for (const path of paths) {
    const stem = /^(.*)\.(service|socket|timer)$/.exec(path)?.[1];
    if (stem === undefined) continue;
    for (const suffix of ["service", "socket", "timer"]) if (files.kind(`${stem}.${suffix}`) === "file") all.add(`${stem}.${suffix}`);
  }
  return [...all];
}

const SUFFIX = /\.(service|socket|timer|target|path|mount|automount|swap|slice|scope|device)$/;

function read(draft: ImportDraft, path: string, files: SourceFiles): Source | null {
  const text = files.read(path);
  const base = posix.basename(path);
  if (text === null || text.trim() === "") {
    draft.refuse(path, text === null ? "cannot read the file" : "the file is empty, or a link to /dev/null: the unit is masked");
    return null;
  }
  if (refuseTemplate(draft, path, text, "a unit")) return null;
  const other = /^[ \t]*\[D-BUS Service\]/m.test(text)
    ? "D-Bus starts programs with it"
    : /^\s*<(\?xml|!DOCTYPE|service-group)/.test(text)
      ? "it is XML"
      : null;
  if (other !== null) {
    draft.refuse(path, `cannot import ${base}: it is not a unit of systemd, but ${other}`);
    return null;
  }
  const dropIns = `${path}.d`;
  const generic = path.replace(/@[^/]*(\.\w+)$/, "@$1");
  const texts = [
    { path, text },
    ...[...new Set([`${generic}.d`, dropIns])].flatMap((directory) =>
      files
        .list(directory)
        .filter((name) => name.endsWith(".conf"))
        .map((name) => ({ path: `${directory}/${name}`, text: files.read(`${directory}/${name}`) ?? "" })),
    ),
  ];
  const parsed = parseUnit(texts);
  for (const { where, text: line } of parsed.ignored.slice(0, 20))
    draft.drop(line.slice(0, 40), where, "systemd ignores the line: it is neither a [Section] nor KEY=VALUE");
  const suffix = SUFFIX.exec(base)?.[0] ?? suffixFor(parsed);
  const name = base
    .replace(SUFFIX, "")
    .replace(/\.(conf|txt|unit|in|tpl|template|example|sample|dist)$/, "")
    .replace(SUFFIX, "");
  return { path, parsed, names: { name, suffix, isUser: isUserUnit(path, parsed) } };
}

/** The type of a unit whose file has an unusual name. */
function suffixFor({ assignments }: ParsedUnit): string {
  if (assignments.some(({ section }) => section === "Socket")) return ".socket";
  return assignments.some(({ section }) => section === "Timer") ? ".timer" : ".service";
}

const isUserUnit = (path: string, parsed: ParsedUnit): boolean =>
  /\/(systemd|\.config\/systemd)\/user\//.test(path) ||
  new Settings(parsed, "Install").all("WantedBy").some(({ value }) => /\bdefault\.target\b/.test(value));

function importOne(draft: ImportDraft, { path, names, parsed }: Source): UnitDraft {
  const unit = draft.unit(names.name + names.suffix, names.name, path);
  const unknown = new Set<string>();
  importUnitSection(unit, new Settings(parsed, "Unit"), names, unknown);
  importService(unit, mergeLimits(parsed), names, unknown);
  if (unknown.size > 0)
    unit.approximated(
      "specifiers",
      unit.origin,
      `the values of ${[...unknown].join(", ")} are read from variables of the unit`,
      'set the variables in "environment"',
    );
  install(unit, new Settings(parsed, "Install"), names);
  for (const section of new Set(parsed.assignments.map((each) => each.section)))
    if (!["Unit", "Service", "Install"].includes(section) && !section.startsWith("X-"))
      unit.drop(`[${section}]`, path, "systemd ignores this section in a .service file");
  return unit;
}

/** Merges the limit of starts. It is in `[Unit]`, but in older files in `[Service]`. */
function mergeLimits(parsed: ParsedUnit): Settings {
  const assignments = parsed.assignments.map((each) =>
    each.section === "Unit" && /^StartLimit(Burst|Interval|IntervalSec)$/.test(each.key) ? { ...each, section: "Service" } : each,
  );
  return new Settings({ ...parsed, assignments }, "Service");
}

function install(unit: UnitDraft, settings: Settings, names: UnitNames): void {
  const wanted = [...settings.all("WantedBy"), ...settings.all("RequiredBy"), ...settings.all("UpheldBy")];
  const isForking = unit.entries.some(({ field, how }) => field === "Type" && how.startsWith("the unit is not enabled"));
  const isTemplate = names.name.endsWith("@");
  if (wanted.length > 0 && !isForking && !isTemplate) unit.set("enabled", true);
  for (const found of wanted)
    unit.approximated(
      found.key,
      whereOf(found),
      isTemplate
        ? "start an instance: `sup start NAME@INSTANCE`"
        : isForking
          ? "the unit is not enabled yet"
          : "enabled: the file does not say whether the unit is enabled on this machine",
      isTemplate || isForking ? null : '`systemctl is-enabled` knows; remove "enabled" if it says no',
    );
  for (const key of settings.keys()) {
    const found = settings.last(key)!;
    if (["WantedBy", "RequiredBy", "UpheldBy"].includes(key) || key.startsWith("X-")) continue;
    if (key === "Also") unit.carried(key, "sockets and timers are part of this unit", whereOf(found));
    else if (key === "Alias") unit.drop(key, whereOf(found), "a unit has one name");
    else if (key === "DefaultInstance") unit.drop(key, whereOf(found), "sup has no default instance", "start the instance by its name");
    else unit.drop(key, whereOf(found), "systemd does not know this key either, or this version of sup does not");
  }
}

interface Services {
  readonly services: ReadonlyMap<string, UnitDraft>;
  /** The names of the services of a user's service manager. */
  readonly users: ReadonlySet<string>;
}

/** Adds a socket or timer to its service. */
function companion(
  draft: ImportDraft,
  { path, names, parsed }: Source,
  { services, users }: Services,
  section: "Socket" | "Timer",
  link: string,
): void {
  const settings = new Settings(parsed, section);
  const name = unitName(settings.last(link)?.value ?? `${names.name}.service`, names);
  const unit = services.get(name);
  if (!unit) {
    draft.refuse(path, `cannot import ${posix.basename(path)} without the unit that it starts: ${name}`, `import ${name} together with it`);
    return;
  }
  if (section === "Socket") importSocket(unit, settings, { ...names, isUser: names.isUser || users.has(name) });
  else importTimer(unit, settings);
  const wanted = new Settings(parsed, "Install").last("WantedBy");
  if (!wanted) return;
  if (section === "Timer")
    unit.carried(`${posix.basename(path)} WantedBy`, "the schedule is active unless the unit is disabled", whereOf(wanted));
  else {
    unit.set("enabled", true);
    unit.approximated(
      `${posix.basename(path)} WantedBy`,
      whereOf(wanted),
      "enabled: the unit starts with the daemon, not with the first connection",
    );
  }
}

function refuseOther(draft: ImportDraft, { path, names }: Source): void {
  const why =
    names.suffix === ".target"
      ? "a target runs no process; sup has groups and dependencies instead"
      : names.suffix === ".path"
        ? 'sup does not start a unit when a file appears; "watch" restarts a unit when files change'
        : "it runs no process of its own";
  draft.refuse(path, `cannot import ${posix.basename(path)}: ${why}`);
}

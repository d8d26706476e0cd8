import { signalNumber } from "../../../base/signals.ts";
import type { Config } from "./config.ts";
import type { Option, Section } from "./ini.ts";
import { expandPercent, hasMarker, shownMarkers } from "./percent.ts";
import { parsePairs } from "./shlex.ts";

/** The processes that supervisord's own parser makes of its files (`processes_from_section` in supervisor/options.py). */
export interface Process {
  readonly section: Section;
  readonly name: string;
  readonly group: string;
  /** Strings may contain markers for variables of supervisord's own environment (percent.ts). */
  readonly command: string;
  readonly directory: string | null;
  readonly umask: number | null;
  readonly priority: number;
  readonly autostart: boolean;
  readonly autorestart: "always" | "unexpected" | "never";
  readonly startsecs: number;
  readonly startretries: number;
  readonly user: string | null;
  readonly stdout: Logfile;
  readonly stderr: Logfile;
  readonly stopsignal: number;
  readonly stopwaitsecs: number;
  readonly stopasgroup: boolean;
  readonly killasgroup: boolean;
  readonly exitcodes: readonly number[];
  readonly redirectStderr: boolean;
  readonly environment: ReadonlyMap<string, string>;
  /** How many processes with the same settings this one stands for. */
  readonly count: number;
  /** The names of these processes in supervisord. */
  readonly names: readonly string[];
  /**
   * Options whose values depend on supervisord's own environment, with the values as they are written. The unit gets the
   * defaults instead.
   */
  readonly unresolved: ReadonlyMap<string, string>;
}

export interface Logfile {
  /** Null means that the output is discarded. */
  readonly file: "auto" | { readonly path: string } | null;
  readonly maxBytes: number;
  readonly backups: number;
  readonly syslog: boolean;
}

/** Thrown with the reason why supervisord refuses a section. */
export class SectionFault {
  readonly option: string;
  readonly message: string;
  constructor(option: string, message: string) {
    this.option = option;
    this.message = message;
  }
}

type Names = Map<string, string | number>;

/** Reads the options of one section. Every method throws a `SectionFault` for a value that supervisord refuses. */
export class Reader {
  readonly unresolved = new Map<string, string>();
  readonly #section: Section;
  readonly #defaults: ReadonlyMap<string, Option>;
  readonly #names: Names;

  constructor(section: Section, config: Config, names: Names) {
    this.#section = section;
    this.#defaults = config.sections.get("DEFAULT")?.options ?? new Map();
    this.#names = names;
  }

  raw(option: string): string | undefined {
    return (this.#section.options.get(option) ?? this.#defaults.get(option))?.value;
  }

  text(option: string): string | undefined {
    const raw = this.raw(option);
    return raw === undefined ? undefined : this.expand(option, raw);
  }

  expand(option: string, text: string): string {
    const expanded = expandPercent(text, this.#names);
    if (!expanded.ok) throw new SectionFault(option, expanded.error);
    return expanded.value;
  }

  /** Returns the converted value, or the default. The conversion returns null for a value that is not valid. */
  value<T>(option: string, otherwise: T, convert: (text: string) => T | null, what: string): T {
    const text = this.text(option);
    if (text === undefined) return otherwise;
    if (hasMarker(text)) {
      this.unresolved.set(option, shownMarkers(text));
      return otherwise;
    }
    const value = convert(text);
    if (value === null) throw new SectionFault(option, `${JSON.stringify(text)} is not ${what}`);
    return value;
  }

  integer = (option: string, otherwise: number): number => this.value(option, otherwise, toInteger, "an integer");
  boolean = (option: string, otherwise: boolean): boolean => this.value(option, otherwise, toBoolean, "a boolean");
  bytes = (option: string, otherwise: number): number => this.value(option, otherwise, toBytes, "a size such as 50MB");

  pairs(option: string, text: string): Map<string, string> {
    const pairs = parsePairs(text);
    if (!pairs.ok) throw new SectionFault(option, pairs.error);
    return pairs.value;
  }
}

/** Maximum number of processes of one program that are imported. */
export const MAX_PROCESSES = 256;

/** Returns the processes of a `[program:x]` or `[eventlistener:x]` section. */
export function processesOf(section: Section, group: string | null, config: Config, shared: ReadonlyMap<string, string>): Process[] {
  const program = toName("program", section.name.slice(section.name.indexOf(":") + 1));
  const names: Names = new Map<string, string | number>([
    ["program_name", program],
    ["group_name", group ?? program],
  ]);
  for (const [name, value] of shared) names.set(`ENV_${name}`, value);
  const reader = new Reader(section, config, names);
  const numprocs = reader.integer("numprocs", 1);
  const first = reader.integer("numprocs_start", 0);
  const processName = toName("process_name", reader.raw("process_name") ?? "%(program_name)s");
  if (numprocs > 1 && !processName.includes("%(process_num)"))
    throw new SectionFault("process_name", "it must contain %(process_num) because numprocs is greater than 1");
  if (numprocs > MAX_PROCESSES) throw new SectionFault("numprocs", `sup imports at most ${MAX_PROCESSES} processes of a program`);
  if (reader.boolean("stopasgroup", false) && reader.boolean("killasgroup", true) === false)
    throw new SectionFault("killasgroup", "stopasgroup=true needs killasgroup=true");
  const processes: Process[] = [];
  for (let n = first; n < first + numprocs; n++) {
    names.set("process_num", n).set("numprocs", numprocs);
    processes.push(processOf(section, reader, { processName, names, shared, group: group ?? program }));
  }
  return merge(processes, program);
}

/** Merges processes that differ only in their names. */
function merge(processes: readonly Process[], program: string): Process[] {
  const settings = ({ name: _, environment, section: __, unresolved: ___, names: ____, ...rest }: Process): string =>
    JSON.stringify([rest, [...environment]]);
  const [first] = processes;
  if (first === undefined || processes.length === 1 || processes.some((each) => settings(each) !== settings(first))) return [...processes];
  return [{ ...first, name: program, count: processes.length, names: processes.map(({ name }) => name) }];
}

interface Given {
  readonly processName: string;
  readonly names: Names;
  readonly shared: ReadonlyMap<string, string>;
  readonly group: string;
}

function processOf(section: Section, reader: Reader, { processName, names, shared, group }: Given): Process {
  const own = reader.pairs("environment", reader.expand("environment", reader.raw("environment") ?? ""));
  for (const [name, value] of own) names.set(`ENV_${name}`, value);
  const command = reader.text("command");
  if (command === undefined) throw new SectionFault("command", "the section has no command");
  const stopasgroup = reader.boolean("stopasgroup", false);
  const redirectStderr = reader.boolean("redirect_stderr", false);
  const stderr = logfileOf(reader, "stderr");
  const name = reader.expand("process_name", processName);
  return {
    section,
    group,
    name,
    command,
    directory: reader.text("directory") ?? null,
    umask: reader.value<number | null>("umask", null, toOctal, "an octal number"),
    priority: reader.integer("priority", 999),
    autostart: reader.boolean("autostart", true),
    autorestart: reader.value("autorestart", "unexpected", toRestart, "true, false or unexpected"),
    startsecs: reader.integer("startsecs", 1),
    startretries: reader.integer("startretries", 3),
    user: reader.text("user") ?? null,
    stdout: logfileOf(reader, "stdout"),
    stderr: redirectStderr ? { ...stderr, file: null } : stderr,
    stopsignal: reader.value("stopsignal", 15, toSignal, "a signal"),
    stopwaitsecs: reader.integer("stopwaitsecs", 10),
    stopasgroup,
    killasgroup: reader.boolean("killasgroup", stopasgroup),
    exitcodes: reader.value("exitcodes", [0], toExitCodes, "a list of exit codes"),
    redirectStderr,
    environment: new Map([...shared, ...own]),
    count: 1,
    names: [name],
    unresolved: reader.unresolved,
  };
}

function logfileOf(reader: Reader, stream: "stdout" | "stderr"): Logfile {
  const text = reader.text(`${stream}_logfile`) ?? "auto";
  const word = text.toLowerCase();
  const isNone = word === "none" || word === "off" || word === "syslog";
  const syslog = reader.boolean(`${stream}_syslog`, false);
  return {
    file: isNone ? null : word === "auto" ? "auto" : { path: text },
    maxBytes: reader.bytes(`${stream}_logfile_maxbytes`, 50 * 1024 * 1024),
    backups: reader.integer(`${stream}_logfile_backups`, 10),
    syslog: syslog || word === "syslog",
  };
}

function toName(option: string, text: string): string {
  const name = text.trim();
  const bad = /[ :/]/.exec(name);
  if (bad) throw new SectionFault(option, `the name ${JSON.stringify(name)} contains "${bad[0]}"`);
  return name;
}

export const toInteger = (text: string): number | null => {
  const digits = text.trim();
  if (!/^[+-]?\d+(_\d+)*$/.test(digits)) return null;
  const value = Number(digits.replaceAll("_", ""));
  return Number.isSafeInteger(value) ? value : null;
};

export function toBoolean(text: string): boolean | null {
  const word = text.toLowerCase();
  if (["yes", "true", "on", "1"].includes(word)) return true;
  return ["no", "false", "off", "0"].includes(word) ? false : null;
}

export function toBytes(text: string): number | null {
  const lower = text.toLowerCase();
  const factor = { kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }[lower.slice(-2)];
  const number = toInteger(factor === undefined ? lower : lower.slice(0, -2));
  return number === null ? null : number * (factor ?? 1);
}

export const toOctal = (text: string): number | null => {
  const digits = text.trim().replace(/^0o/i, "");
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : null;
};

function toRestart(text: string): Process["autorestart"] | null {
  if (text.toLowerCase() === "unexpected") return "unexpected";
  const value = toBoolean(text);
  return value === null ? null : value ? "always" : "never";
}

const toSignal = (text: string): number | null => signalNumber(text.trim()) ?? null;

function toExitCodes(text: string): number[] | null {
  if (text === "") return [];
  const codes = text.split(",").map(toInteger);
  return codes.every((code) => code !== null && code >= 0 && code <= 255) ? (codes as number[]) : null;
}

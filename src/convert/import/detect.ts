import { ok, type Result } from "../../base/result.ts";
import { parse } from "../../spec/parse/parse.ts";
import { Source, toValue } from "../../spec/parse/tree.ts";
import { parseYaml } from "./yaml.ts";
import { posix } from "./paths.ts";
import type { Format } from "./types.ts";

/** The format of a file, or the reason why the file cannot be imported. */
export type Detected = { readonly format: Format } | { readonly refused: string; readonly hint: string | null };

/** Detects the format of a file by its content. The name decides only if the content is ambiguous. */
export function detect(path: string, text: string): Detected {
  const name = posix.basename(path);
  if (text.includes("\0")) return { refused: "it is not a text file", hint: null };
  if (text.trim() === "") return { refused: "it is empty", hint: null };
  const sections = iniSections(text);
  if (sections.some((section) => SUPERVISORD.test(section))) return { format: "supervisord" };
  if (sections.some((section) => /^(Unit|Service|Socket|Timer|Install|Path|Mount|Slice|Swap|Automount)$/.test(section)))
    return { format: "systemd" };
  if (/\.(service|socket|timer|target|path|mount)$/.test(name)) return { format: "systemd" };
  if (/\.[cm]?[jt]s$/.test(name)) return { format: "pm2" };
  if (/procfile/i.test(name)) return { format: "procfile" };
  const data = /\.json$/.test(name) || /^\s*[[{]/.test(text) ? parseJsonLike(text) : parseYaml(text);
  const found = data.ok ? byShape(data.value, /^\s*\{/.test(text)) : null;
  if (found) return found;
  if (/\b(?:module\.exports|export\s+default)\b/.test(text)) return { format: "pm2" };
  if (/^(docker-)?compose.*\.ya?ml$/.test(name)) return { format: "compose" };
  if (/process-compose/.test(name)) return { format: "process-compose" };
  if (/^processes:/m.test(text)) return { format: "process-compose" };
  // Every line of a simple YAML file looks like one of a Procfile.
  if (!/\.(ya?ml|json|toml|md|env)$/.test(name) && isProcfile(text)) return { format: "procfile" };
  if (/^\[.+\][ \t\r]*$/m.test(text) && /\.(conf|ini)$/.test(name))
    return { refused: "it is an INI file without a [program:x] section", hint: FORMATS_HINT };
  return { refused: "its format is unknown", hint: FORMATS_HINT };
}

const FORMATS_HINT =
  'sup imports supervisord, systemd, PM2, Procfile, process-compose, {"services": …} JSON, and runit and s6 directories; --from names the format';

const SUPERVISORD =
  /^(program:|group:|eventlistener:|fcgi-program:|supervisord$|supervisorctl$|unix_http_server$|inet_http_server$|rpcinterface:|include$)/;

function iniSections(text: string): string[] {
  return [...text.matchAll(/^[ \t]*\[([A-Za-z][^\]\n]{0,200})\]/gm)].map((match) => match[1]!.trim());
}

/** Parses JSON, which may have comments as in a unit file. YAML and JavaScript objects look similar. */
function parseJsonLike(text: string): Result<unknown, unknown> {
  const parsed = parse(new Source("", text));
  return parsed.ok ? ok(toValue(parsed.value)) : parseYaml(text.replace(/^\uFEFF/, ""));
}

function byShape(data: unknown, isJson: boolean): Detected | null {
  if (Array.isArray(data)) return data.some(isApp) ? { format: "pm2" } : null;
  if (typeof data !== "object" || data === null) return null;
  const root = data as Record<string, unknown>;
  if (Array.isArray(root.apps) || isApp(root.apps) || isApp(root)) return { format: "pm2" };
  if (isMap(root.processes)) return { format: "process-compose" };
  if (isMap(root.services)) {
    const services = Object.values(root.services as object);
    const areContainers = services.some((each) => isMap(each) && CONTAINER_KEYS.some((key) => Object.hasOwn(each, key)));
    return { format: isJson && !areContainers ? "services" : "compose" };
  }
  return null;
}

const CONTAINER_KEYS = ["image", "build", "container_name", "volumes", "networks"];

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isApp = (value: unknown): boolean => isMap(value) && typeof value.script === "string";

/** Returns true if every line is empty, a comment, or `name: command`. */
function isProcfile(text: string): boolean {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.trimStart().startsWith("#"));
  return lines.length > 0 && lines.every((line) => /^[A-Za-z0-9_-]+:\s*\S/.test(line));
}

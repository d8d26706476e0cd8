import { importsOf, type Import } from "./imports.ts";
import { isCode, type Finding, type Tree } from "./tree.ts";

/**
 * Who may import whom. A row lists the rooms a room knows besides itself; `:type` allows types only. What is not listed is
 * forbidden, so a new folder under src/ needs a row.
 */
export const RINGS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  // Types only: the snapshot of the unit files that it is given.
  spec: ["base", "ports:type"],
  // Types only: a process's identity and a probe's answer are words of the ports that decisions speak about.
  core: ["base", "spec", "ports:type"],
  // Files of other supervisors in, units out. Pure: the command line reads and writes the files.
  convert: ["base", "spec"],
  ports: ["base", "spec", "core"],
  contract: ["base", "spec", "ports:type"],
  linux: ["base", "spec", "core", "ports"],
  adapters: ["base", "spec", "core", "ports", "linux"],
  server: ["base", "spec", "core", "ports", "contract", "documents"],
  // Made from the contract: OpenAPI and the reference.
  documents: ["base", "spec", "contract", "client"],
  client: ["base", "spec", "contract"],
  // Never the daemon: `main` passes it in (src/cli/roles.ts). For `linux` see PARTIAL.
  cli: ["base", "spec", "convert", "ports:type", "contract", "client", "linux"],
  web: ["base", "contract", "client"],
  daemon: ["base", "spec", "core", "ports", "contract", "server", "linux", "compose"],
  // The one place that names concrete adapters.
  compose: ["base", "spec", "core", "ports", "contract", "server", "linux", "adapters", "daemon", "web"],
  main: ["base", "spec", "linux", "cli", "daemon", "compose"],
};

/** Rooms that only some files of another room may import. */
const PARTIAL: Readonly<Record<string, RegExp>> = {
  // What a command needs from the machine it runs on: terminal and signals, doctor, upgrade, the systemd service.
  "cli > linux": /^src\/cli\/(?:host\.ts|(?:doctor|upgrade|systemd)\/|commands\/(?:upgrade|free-cgroup)\.ts$)/,
};

/** Each package has one home, and so have the runtime's own modules that only some rooms may touch. */
export const HOMES: Readonly<Record<string, RegExp>> = {
  zod: /^src\/(?:spec|api\/(?:contract|documents)|cli\/mcp)\//,
  "@modelcontextprotocol/server": /^src\/cli\/mcp\//,
  "@modelcontextprotocol/server/stdio": /^src\/cli\/mcp\//,
  commander: /^src\/cli\/parse\/full-parser\.ts$/,
  kleur: /^src\/cli\/render\//,
  "cli-table3": /^src\/cli\/render\//,
  pidusage: /^src\/adapters\/usage\/pidusage\.ts$/,
  "pidusage/lib/history": /^src\/adapters\/usage\/pidusage\.ts$/,
  nodemailer: /^src\/adapters\/notifications\/email\.ts$/,
  "prom-client": /^src\/api\/server\/prometheus\.ts$/,
  preact: /^src\/web\//,
  "@preact/signals": /^src\/web\//,
  uplot: /^src\/web\/charts\//,
  "@dagrejs/dagre": /^src\/web\/graph\//,
  acorn: /^src\/convert\/import\/pm2\/read-js\.ts$/,
  re2js: /^src\/base\/pattern\.ts$/,
  "bun:ffi": /^src\/linux\//,
  "bun:sqlite": /^src\/adapters\/sqlite\//,
};

const PURE = new Set(["base", "spec", "convert", "core", "ports", "contract"]);
const API_ROOMS = /^src\/api\/(contract|server|client|documents)\//;

/** The room of a file under src/, or null for what is no module (styles, pages). */
export function roomOf(path: string): string | null {
  if (!path.startsWith("src/")) return null;
  const api = API_ROOMS.exec(path);
  if (api) return api[1]!;
  if (path.startsWith("src/daemon/compose/")) return "compose";
  if (path === "src/main.ts" || path === "src/worker.ts") return "main";
  return path.split("/")[1]!;
}

export function checkRings(tree: Tree): Finding[] {
  const findings: Finding[] = [];
  for (const [path, text] of tree) {
    const room = isCode(path) ? roomOf(path) : null;
    if (room === null) continue;
    if (!(room in RINGS)) findings.push({ path, line: 0, message: `is in no room that the rings name (${room})` });
    else for (const entry of importsOf(path, text)) findings.push(...judge(path, room, entry));
  }
  return findings;
}

function judge(path: string, room: string, entry: Import): Finding[] {
  const say = (message: string): Finding[] => [{ path, line: entry.line, message }];
  if (!entry.relative) {
    const home = HOMES[entry.to];
    if (home && !home.test(path)) return say(`imports ${entry.to}, whose home is ${home.source}`);
    if (PURE.has(room) && !home) return say(`imports ${entry.to}, but ${room} is pure`);
    return [];
  }
  const other = roomOf(entry.to);
  if (other === null) return entry.to === "package.json" ? [] : say(`imports ${entry.to} from outside src/`);
  const partial = PARTIAL[`${room} > ${other}`];
  if (partial && !partial.test(path)) return say(`imports ${entry.to}, but of ${room} only ${partial.source} may import ${other}`);
  if (other === room || RINGS[room]!.includes(other)) return [];
  if (entry.typeOnly && RINGS[room]!.includes(`${other}:type`)) return [];
  return say(`(${room}) imports ${entry.to} (${other}); it may import ${RINGS[room]!.join(", ") || "nothing"}`);
}

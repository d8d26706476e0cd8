/**
 * Mutated files of every format: no exception, nothing takes a second of CPU time, and every unit that comes out is valid. Runs 2000
 * mutations per format; SUP_FUZZ=100000 runs more, SUP_FUZZ_SEED chooses others.
 */
import { expect, test } from "bun:test";
import { importPaths } from "../../src/convert/import/import.ts";
import type { Format, SourceFiles } from "../../src/convert/import/types.ts";
import { loadSnapshot } from "../../src/spec/load/load.ts";
import { sourceOf } from "./files.ts";
import { SUPERVISORD_CONFIGS } from "./supervisord-configs.ts";

const ROUNDS = Number(process.env.SUP_FUZZ ?? 2000);
const SEED = Number(process.env.SUP_FUZZ_SEED ?? 1);
const MAX_MS = 1000;

/** For each format, the path of the mutated file, and texts to start from. */
const SEEDS: Readonly<Record<Exclude<Format, "compose">, readonly [path: string, texts: readonly string[]]>> = {
  supervisord: ["/a/s.conf", SUPERVISORD_CONFIGS.map(({ text }) => text)],
  systemd: [
    "/a/web.service",
    [
      '[Unit]\nDescription=x\nAfter=db.service\nConditionPathExists=!/x\n[Service]\nType=notify\nExecStartPre=-/bin/a "b c" \\\n  d\nExecStart=@/bin/x y $OPTS ${A}\nEnvironment="OPTS=-a -b" A=%i\nEnvironmentFile=-/e\nRestart=on-failure\nRestartSec=5min 20s\nLimitNOFILE=1:2\nMemoryMax=1G\nSuccessExitStatus=1 TEMPFAIL\nExecReload=/bin/kill -HUP $MAINPID\n[Install]\nWantedBy=multi-user.target\n',
      "[Unit]\nRequires=a.service\n[Timer]\nOnCalendar=Mon..Fri *-*-1,2 0/3:15\nPersistent=true\n[Socket]\nListenStream=[::]:80\n[Service]\nExecStart=/x\n",
    ],
  ],
  pm2: [
    "/a/ecosystem.config.js",
    [
      "const p = require('path');\nmodule.exports = { apps: [{ name: 'a', script: p.join(__dirname, 'x.js'), args: \"-a 'b c'\", env: { A: 1, B: process.env.B || `x${1 + 1}` }, instances: 2, watch: ['x'], max_memory_restart: '1G', cron_restart: '0 0 * * *', ...{ cwd: '/b' } }] };\n",
      "export default [{ script: 'npm', args: ['x'], exec_mode: 'cluster', instances: 'max', stop_exit_codes: [0] }]\n",
    ],
  ],
  procfile: ["/a/Procfile", ["web: a -p $PORT\nworker: b\nrelease: c\n# x\n"]],
  "process-compose": [
    "/a/process-compose.yaml",
    [
      'version: "0.5"\nenvironment: ["A=1"]\nvars: { P: 80 }\nprocesses:\n  a: &a\n    command: "x $Y {{.P}}"\n    depends_on: { b: { condition: process_healthy } }\n    availability: { restart: always, backoff_seconds: 2 }\n  b:\n    <<: *a\n    readiness_probe: { http_get: { host: h, port: 80, path: "/" }, period_seconds: 1 }\n    shutdown: { signal: 2, timeout_seconds: 1 }\n    replicas: 3\n    schedule: { cron: "0 0 * * *" }\n',
    ],
  ],
  services: [
    "/a/s.json",
    [
      '{"services": {"a": {"command": "x", "args": ["y"], "environment": {"A": "1"}, "dependencies": ["b"], "health_check": {"type": "tcp", "port": 80}}, "b": {"command": "z", "nice": 5}}}',
    ],
  ],
  runit: ["/a/sv/run", ["#!/bin/sh\nexec chpst -u x y 2>&1\n"]],
  s6: ["/a/sv/type", ["longrun\n", "oneshot\n", "bundle\n"]],
};

/** The CPU time of this process, which other programs on the machine do not change. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A small generator of random numbers (mulberry32), so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const PIECES = ["", " ", "\n", "\t", "%", "$", "${", "}", "\\", '"', "'", "=", ":", ";", "#", ",", "[", "]", "{", "}", "&x", "*x", "<<: ", "- ", "%(", "%(ENV_X)s", "%i", "__proto__", "constructor", "\0", "\uFEFF", "\r", "é", "𝒳", "\ud800", "0", "-1", "999999999999", "1e999", "infinity", "..", "/", "~", "null", "true", "../../etc/x", "sup", "@", "a@b"]; // prettier-ignore

function mutate(text: string, random: (below: number) => number): string {
  let result = text;
  for (let n = random(6) + 1; n > 0; n--) {
    const at = random(result.length + 1);
    const length = random(12);
    const other = random(Math.max(1, result.length));
    const piece = PIECES[random(PIECES.length)]!;
    const kind = random(6);
    if (kind === 0) result = result.slice(0, at) + result.slice(at + length);
    else if (kind === 1) result = result.slice(0, at) + piece + result.slice(at);
    else if (kind === 2) result = result.slice(0, at) + piece + result.slice(at + length);
    else if (kind === 3) result = result.slice(0, at) + result.slice(other, other + length * 3) + result.slice(at);
    else if (kind === 4) result = result.slice(0, at) + piece.repeat(random(200)) + result.slice(at);
    else result = result.slice(0, at) + String.fromCharCode(random(0x300)) + result.slice(at + 1);
  }
  return result;
}

function filesWith(path: string, text: string): SourceFiles {
  return sourceOf({ "/a/sv/run*": "#!/bin/sh\nexec x\n", "/a/sv/up": "x\n", "/a/sv/finish*": "", [path]: text });
}

test.each(Object.entries(SEEDS))("%s", (format, [path, texts]) => {
  const random = generator(SEED * 7919 + format.length);
  for (let round = 0; round < ROUNDS; round++) {
    const text = mutate(texts[random(texts.length)]!, random);
    const target = path.startsWith("/a/sv/") ? "/a/sv" : path;
    const started = cpuMs();
    const known = random(3) > 0 ? { format: format as Format } : {};
    let units;
    try {
      ({ units } = importPaths([target], filesWith(path, text), { home: "/home/ann", ...known }));
    } catch (error) {
      throw new Error(`round ${round}: ${String(error)}\n${JSON.stringify(text)}`, { cause: error });
    }
    expect({ text, slow: cpuMs() - started > MAX_MS }).toEqual({ text, slow: false });
    for (const { name } of units)
      if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(@[A-Za-z0-9_.-]{0,64})?$/.test(name))
        throw new Error(`round ${round}: the name ${name}\n${JSON.stringify(text)}`);
    const snapshot = units.map(({ name, json }) => ({ id: name, main: { path: name, text: JSON.stringify(json) }, dropIns: [] }));
    const { problems } = loadSnapshot({ units: snapshot, unreadable: [], masked: [] });
    if (problems.size > 0) throw new Error(`round ${round}: ${JSON.stringify([...problems])}\n${JSON.stringify(text)}`);
  }
});

const MIB = 1024 * 1024;

/** Long inputs of one kind, at the limit of what is read, find regular expressions that backtrack. */
test.each([
  " ",
  "=",
  "a=",
  "'",
  '"',
  "\\",
  "%",
  "$",
  "${",
  "{{",
  "<%",
  "[",
  "(",
  "a ",
  "a:",
  ",",
  "\n",
  "\n ",
  "&a ",
  "- ",
  'ab="',
  "%(",
  "x;",
  ":",
  "a'b\"",
  "/*",
  "`${",
  "!",
])("a long run of %p takes less than a second in every format", (piece) => {
  const long = piece.repeat(Math.floor((MIB - 200) / piece.length));
  for (const [format, [path, [text = ""]]] of Object.entries(SEEDS)) {
    const cut = Math.floor(text.length / 2);
    for (const mutated of [long, text.slice(0, cut) + long + text.slice(cut)]) {
      const started = cpuMs();
      importPaths([path.startsWith("/a/sv/") ? "/a/sv" : path], filesWith(path, mutated.slice(0, MIB)), {
        home: "/",
        format: format as Format,
      });
      const ms = Math.round(cpuMs() - started);
      if (ms > MAX_MS) throw new Error(`${format}: ${ms} ms for ${JSON.stringify(mutated.slice(0, 100))}`);
    }
  }
});

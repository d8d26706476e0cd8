/** Compares the import of supervisord's files with what supervisord's own parser makes of them. */
import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { signalNumber } from "../../../src/base/signals.ts";
import { completeUnit } from "../../../src/convert/import/print-unit.ts";
import { expandText } from "../../../src/spec/load/specifiers.ts";
import { importFiles } from "../../convert/files.ts";
import { SUPERVISORD_CONFIGS, SUPERVISORD_ENV } from "../../convert/supervisord-configs.ts";
import { run } from "../../harness/run.ts";

const isInstalled = existsSync("/usr/lib/python3/dist-packages/supervisor/options.py");
if (!isInstalled) console.warn("Debian's package supervisor is not installed: the comparison with its parser is skipped");

interface Parsed {
  readonly name: string;
  readonly group: string;
  readonly argv: readonly string[] | string;
  readonly environment: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly stdout: { readonly file: string | null; readonly maxBytes: number; readonly backups: number };
  readonly stderr: { readonly file: string | null; readonly maxBytes: number; readonly backups: number };
  readonly [key: string]: unknown;
}

let parsed: ReadonlyArray<readonly Parsed[] | { readonly error: string }> = [];

beforeAll(async () => {
  if (!isInstalled) return;
  const script = join(import.meta.dir, "supervisord-parser.py");
  const ran = await run(["/usr/bin/python3", script], { env: SUPERVISORD_ENV, stdin: JSON.stringify(SUPERVISORD_CONFIGS) });
  expect(ran.stderr).toBe("");
  parsed = JSON.parse(ran.stdout);
});

describe.skipIf(!isInstalled)("equal to supervisord's own parser", () => {
  test.each(SUPERVISORD_CONFIGS.map((config, index) => ({ ...config, index })))("$title", ({ text, index }) => {
    const theirs = parsed[index]!;
    const { units, problems } = importFiles({ "/etc/supervisord.conf": text }, undefined, { format: "supervisord" });
    if ("error" in theirs) {
      expect({ theirs: theirs.error, refused: problems.length > 0 }).toEqual({ theirs: theirs.error, refused: true });
      return;
    }
    const startable = theirs.filter(({ argv }) => Array.isArray(argv) && argv.length > 0);
    const [first] = units;
    const instances = (first?.json.instances as number | undefined) ?? 1;
    if (instances > 1) expect([instances, units.length]).toEqual([startable.length, 1]);
    else expect(units.map(({ name }) => name).sort()).toEqual(startable.map(({ name }) => name).sort());
    expect(problems.length > 0).toBe(startable.length < theirs.length);
    const hasPriorities = startable.some(({ priority }) => priority !== 999);
    for (const process of startable) {
      const unit = instances > 1 ? first! : units.find(({ name }) => name === process.name)!;
      expect(asProcess(completeUnit(unit, null), hasPriorities)).toEqual(comparable(process, hasPriorities));
    }
  });
});

/** What supervisord's parser says, as far as a unit can express it. Without exit codes, every exit leads to a restart. */
function comparable({ name: _, group, killasgroup: __, ...process }: Parsed, hasPriorities: boolean): Record<string, unknown> {
  const { stdout, stderr, exitcodes, ...rest } = process;
  const files = [stdout, stderr].filter(({ file }) => file === "auto" || (file !== null && !file.startsWith("/dev/")));
  const sizes = files.map(({ maxBytes }) => maxBytes);
  return {
    ...rest,
    ...((exitcodes as number[]).length === 0 ? { autorestart: "always", exitcodes: [0] } : { exitcodes }),
    priority: hasPriorities ? process.priority : null,
    log:
      files.length === 0
        ? null
        : { maxBytes: sizes.includes(0) ? 0 : Math.max(...sizes), backups: Math.max(...files.map(({ backups }) => backups)) },
    groups: group === "shop" ? [group] : [],
  };
}

const NAMES = { n: "web", i: "", h: `/${"root"}`, S: "/", L: "/", t: "/" };

/** A unit in supervisord's terms. */
function asProcess(json: Record<string, unknown>, hasPriorities: boolean): Record<string, unknown> {
  const text = (value: unknown, env: Readonly<Record<string, string>>): string => {
    const expanded = expandText(value as string, env, NAMES);
    if (!expanded.ok) throw new Error(expanded.error);
    return expanded.value;
  };
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries((json.environment ?? {}) as object)) environment[name] = text(value, { ...SUPERVISORD_ENV });
  const env = { ...SUPERVISORD_ENV, ...environment };
  const stop = (json.graceful_shutdown ?? {}) as Record<string, unknown>;
  const policy = json.restart_policy as Record<string, number>;
  const log = json.log as { max_size_mb: number; keep: number } | undefined;
  return {
    argv: [json.command, ...((json.args ?? []) as string[])].map((word) => text(word, env)),
    directory: json.working_directory === undefined ? null : text(json.working_directory, env),
    environment,
    user: json.user ?? null,
    umask: json.umask === undefined ? null : Number.parseInt(json.umask as string, 8),
    priority: hasPriorities ? json.priority : null,
    autostart: json.enabled,
    autorestart: json.auto_restart === false ? "never" : json.restart_on_exit === true ? "always" : "unexpected",
    startsecs: policy.reset_after,
    startretries: policy.max_retries,
    stopsignal: signalNumber((stop.signal as string | undefined) ?? "TERM"),
    stopwaitsecs: stop.timeout ?? 10,
    stopasgroup: stop.kill_mode !== "mixed",
    exitcodes: json.success_exit_codes ?? [0],
    log:
      log === undefined
        ? null
        : { maxBytes: log.max_size_mb === 1_000_000 ? 0 : Math.round(log.max_size_mb * 1024 * 1024), backups: log.keep },
    groups: ((json.groups ?? []) as string[]).filter((each) => each !== "web"),
  };
}

/** Compares the import of ecosystem files with what PM2's own loader makes of them. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { expect, test } from "bun:test";
import { install } from "../../../bench/peers/pm2.ts";
import { sourceFiles } from "../../../src/cli/files/source-files.ts";
import { importPaths } from "../../../src/convert/import/import.ts";
import type { ImportedUnit } from "../../../src/convert/import/types.ts";
import { unescapeText } from "./unescape.ts";
import { run } from "../../harness/run.ts";
import { tempDir } from "../../harness/temp.ts";
import { PM2_FILES } from "./pm2-files.ts";

const node = Bun.which("node");
const pm2 = node === null ? null : await install();
if (pm2 === null) console.warn("npm cannot install PM2, or there is no node: the import of PM2's files is not compared with PM2");
const LOADER = resolve(import.meta.dir, "pm2-loader.cjs");

interface Theirs {
  readonly name: string;
  readonly argv: readonly string[];
  readonly directory: string;
  readonly env: Readonly<Record<string, unknown>>;
  readonly mode: string;
  readonly instances: number | null;
  readonly memory: number | null;
  readonly retries: number | null;
  readonly delay: number | null;
  readonly uptime: number | null;
  readonly killTimeout: number | null;
  readonly autorestart: boolean | null;
}

test.skipIf(pm2 === null)(`${Object.keys(PM2_FILES).length} files mean the same to PM2 and to the import`, async () => {
  using directory = tempDir();
  for (const [name, text] of Object.entries(PM2_FILES)) writeFileSync(join(directory.path, name), text);
  mkdirSync(join(directory.path, "sub"));
  for (const name of ["a.js", "a.py", "a.sh", "sub/a.js"]) {
    writeFileSync(join(directory.path, name), "");
    chmodSync(join(directory.path, name), 0o755);
  }
  // PM2 runs python3 if there is no python.
  mkdirSync(join(directory.path, "bin"));
  writeFileSync(join(directory.path, "bin/python"), "#!/bin/sh\n");
  chmodSync(join(directory.path, "bin/python"), 0o755);
  const paths = Object.keys(PM2_FILES).map((name) => join(directory.path, name));
  const { stdout, stderr } = await run([node!, LOADER, resolve(dirname(pm2!), "../pm2")], {
    env: {
      PATH: [join(directory.path, "bin"), dirname(node!), "/usr/bin", "/bin"].join(delimiter),
      HOME: directory.path,
      PM2_HOME: join(directory.path, ".pm2"),
    },
    stdin: JSON.stringify(paths),
  });
  expect(stderr).toBe("");
  const all: ReadonlyArray<readonly Theirs[]> = JSON.parse(stdout);
  for (const [index, path] of paths.entries()) {
    const { units, problems } = importPaths([path], sourceFiles, { home: directory.path });
    const apps = units.filter(({ name }) => !name.endsWith("-restart"));
    expect({ path, problems, ours: apps.map(oursOf) }).toEqual({ path, problems: [], ours: all[index]!.map(theirsOf) });
  }
});

/** What both say about an app. PM2 finds a program in its PATH when it reads the file, and sup when it starts the unit. */
function theirsOf(app: Theirs): unknown {
  if (!("argv" in app)) return app;
  const { name, argv, directory, memory, retries, delay, uptime, killTimeout, autorestart } = app;
  const [first, second] = argv as [string, string];
  // PM2 runs the script npm with its own node.
  const words = /(^|\/)node$/.test(first) && /\/npm$/.test(second) ? argv.slice(1) : argv;
  return {
    name,
    argv: [words[0]!.startsWith(directory) || words[0]!.includes("/sub/") ? words[0] : words[0]!.replace(/^.*\//, ""), ...words.slice(1)],
    directory,
    env: Object.fromEntries(Object.entries(app.env).map(([key, value]) => [key, String(value)])),
    instances: app.mode.startsWith("cluster") ? 1 : (app.instances ?? 1),
    memory,
    retries,
    delay,
    uptime,
    killTimeout,
    autorestart: autorestart ?? true,
  };
}

function oursOf({ name, json }: ImportedUnit): unknown {
  const unit = json as Readonly<Record<string, unknown>> & { readonly working_directory: string };
  const policy = (unit.restart_policy ?? {}) as Record<string, number | undefined>;
  const limits = unit.resource_limits as { max_memory_mb: number } | undefined;
  const { NODE_APP_INSTANCE: _, ...environment } = (unit.environment ?? {}) as Record<string, string>;
  const ms = (seconds: number | undefined): number | null => (seconds === undefined ? null : seconds * 1000);
  return {
    name,
    argv: [unit.command as string, ...((unit.args ?? []) as string[])].map(unescapeText),
    directory: unescapeText(unit.working_directory),
    env: {
      ...Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, unescapeText(value)])),
      ...(unit.port === undefined ? {} : { PORT: String(unit.port as number) }),
    },
    instances: (unit.instances ?? 1) as number,
    memory: limits === undefined ? null : limits.max_memory_mb * 1024 * 1024,
    retries: policy.max_retries ?? null,
    delay: ms(policy.retry_delay),
    uptime: ms(policy.reset_after),
    killTimeout: ms((unit.graceful_shutdown as { timeout?: number } | undefined)?.timeout),
    autorestart: (unit.auto_restart as boolean | undefined) ?? true,
  };
}

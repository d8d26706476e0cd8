import { mustRun, type EvaluatedJs } from "../../convert/import/pm2/pm2.ts";
import { posix } from "../../convert/import/paths.ts";
import type { Host } from "../host.ts";
import { sourceFiles } from "./source-files.ts";

/**
 * Runs the PM2 ecosystem files that contain code (`--allow-js`). Each file runs in its own process, with an empty environment
 * and a time limit. Returns their values by path.
 */
export async function runEcosystemFiles(paths: readonly string[], host: Pick<Host, "ask" | "program">): Promise<Map<string, EvaluatedJs>> {
  const evaluated = new Map<string, EvaluatedJs>();
  for (const path of paths.flatMap(candidates)) {
    const text = sourceFiles.read(path);
    if (text !== null && mustRun(path, text)) evaluated.set(path, await runFile(path, host));
  }
  return evaluated;
}

const candidates = (path: string): string[] =>
  sourceFiles.kind(path) === "directory"
    ? sourceFiles
        .list(path)
        .filter((name) => /\.config\.[cm]?[jt]s$/.test(name))
        .map((name) => posix.join(path, name))
    : [path];

const TIMEOUT_MS = 5000;
const MARK = "@@sup-import@@";

async function runFile(path: string, { ask, program }: Pick<Host, "ask" | "program">): Promise<EvaluatedJs> {
  // This executable also works as Bun. The working directory is /, where Bun finds no bunfig.toml and no .env.
  const ran = await ask([program, "-e", SCRIPT, path], { BUN_BE_BUN: "1" }, { cwd: "/", timeoutMs: TIMEOUT_MS });
  const at = ran.stdout.lastIndexOf(MARK);
  if (ran.code === 0 && at >= 0)
    return { ...(JSON.parse(ran.stdout.slice(at + MARK.length)) as Pick<EvaluatedJs, "value" | "undefinedEnv">), error: null };
  const last = ran.stderr.split("\n").find((line) => /^\w*error\b/i.test(line.trim())) ?? ran.stderr.split("\n")[0];
  const error = ran.code === 137 ? `it did not end within ${TIMEOUT_MS / 1000} s` : last || `it exited with code ${ran.code}`;
  return { value: null, undefinedEnv: [], error };
}

/** The script that runs in the other process. It treats every environment variable as undefined, and records the names of the variables. */
const SCRIPT = `
const names = new Set();
const env = new Proxy({}, { get: (_, name) => void (typeof name === "string" && name !== "toJSON" && names.add(name)), has: () => false, ownKeys: () => [] });
Object.defineProperty(process, "env", { value: env });
const loaded = require(process.argv.at(-1));
const value = await (loaded?.default ?? loaded);
require("node:fs").writeSync(1, "${MARK}" + JSON.stringify({ value, undefinedEnv: [...names] }) + "\\n");
process.exit(0);
`;

/** Releases to upgrade to: real ones of another version, and ones that fail at a moment of their own. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "../../harness/run.ts";

const ROOT = resolve(import.meta.dir, "../../..");

export interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A real executable of this version, with changes to the source where they are given. Returns its path. */
export async function build(directory: string, version: string, patches: readonly Patch[] = []): Promise<string> {
  let root = ROOT;
  if (patches.length > 0) {
    root = join(directory, `source-${version}`);
    mkdirSync(root);
    for (const name of ["src", "scripts", "package.json", "package-lock.json", "tsconfig.json"]) cpSync(join(ROOT, name), join(root, name), { recursive: true }); // prettier-ignore
    Bun.spawnSync(["ln", "-s", join(ROOT, "node_modules"), join(root, "node_modules")]);
    for (const { file, from, to } of patches) {
      const text = readFileSync(join(root, file), "utf8");
      if (!text.includes(from)) throw new Error(`cannot patch ${file}: it has no ${from}`);
      writeFileSync(join(root, file), text.replace(from, to));
    }
  }
  const program = join(directory, `sup-${version}`);
  const command = ["sh", join(root, "scripts/build.sh"), `--version=${version}`, `--outfile=${program}`];
  const { code, stderr } = await run(command, { env: { PATH: process.env.PATH!, HOME: directory }, timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`cannot build ${version}: ${stderr}`);
  return program;
}

/**
 * A program that is the real one until a daemon is re-executed as it: then it does as `fate` says, in shell. The daemon that
 * tries it out beforehand is no re-executed one.
 */
export const failing = (real: string, version: string, fate: string): string => `#!/bin/sh
if [ "$1" = version ]; then echo 'sup ${version}'; exit 0; fi
if [ -n "\${SUP_HANDOVER_FD:-}" ]; then ${fate}; fi
exec '${real}' "$@"
`;

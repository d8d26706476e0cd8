import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockOf } from "./lock.ts";
import { say, sh } from "./run.ts";

const PACKAGES: Readonly<Record<string, readonly [name: string, cpu: string, libc: string]>> = {
  x64: ["@oven/bun-linux-x64", "x64", "glibc"],
  "x64-musl": ["@oven/bun-linux-x64-musl", "x64", "musl"],
  arm64: ["@oven/bun-linux-aarch64", "arm64", "glibc"],
  "arm64-musl": ["@oven/bun-linux-aarch64-musl", "arm64", "musl"],
};

/**
 * Returns the path of a target's bun, which becomes part of the executable. The bun of this machine is already installed. For
 * other targets bun is downloaded from npm into dist/.runtimes, and must have the checksum in our lock file.
 */
export function runtimeOf(root: string, target: string): string {
  const [name, cpu, libc] = PACKAGES[target]!;
  const installed = join(root, "node_modules", name);
  // The package `bun` moves its executable into its own directory.
  if (existsSync(join(installed, "package.json"))) return realpathSync(join(root, "node_modules/.bin/bun"));
  const entry = lockOf(root).packages[`node_modules/${name}`];
  if (entry === undefined) throw new Error(`cannot build for ${target}: package-lock.json has no ${name}`);
  const home = join(root, "dist/.runtimes", `${name.replace("/", "-")}-${entry.version}`);
  const program = join(home, "node_modules", name, "bin/bun");
  if (existsSync(program)) return program;
  say(`fetching ${name} ${entry.version}`);
  const fresh = `${home}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  const root0 = { name: "runtime", version: "0.0.0", dependencies: { [name]: entry.version } };
  writeFileSync(join(fresh, "package.json"), JSON.stringify(root0));
  const { dev: _dev, optional: _optional, ...pinned } = entry;
  const lock = { ...root0, lockfileVersion: 3, requires: true, packages: { "": root0, [`node_modules/${name}`]: pinned } };
  writeFileSync(join(fresh, "package-lock.json"), JSON.stringify(lock));
  sh(["npm", "ci", "--force", "--ignore-scripts", "--no-audit", "--no-fund", "--os=linux", `--cpu=${cpu}`, `--libc=${libc}`], {
    cwd: fresh,
  });
  rmSync(home, { recursive: true, force: true });
  renameSync(fresh, home);
  if (!existsSync(program)) throw new Error(`cannot build for ${target}: ${name} has no bin/bun`);
  return program;
}

/** Returns the runtime's version, for the bill of materials. */
export const runtimeVersion = (root: string): string =>
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { devDependencies: { bun: string } }).devDependencies.bun;

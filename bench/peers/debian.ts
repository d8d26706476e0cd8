/**
 * Provides the programs of peers that are not installed. Their Debian packages are downloaded and unpacked into a directory of
 * the user, where later benchmark runs find them. A program that works only from its own place is installed, which needs root.
 */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { run, which } from "../process.ts";

const DIRECTORY = join(tmpdir(), `sup-bench-debian-${userInfo().uid}`);
const ROOT = join(DIRECTORY, "root");

interface DebianProgram {
  readonly program: string;
  readonly name: string;
  /** True if the program calls others by paths below /usr, so that it cannot run from another directory. */
  readonly isFixed?: true;
}

const PROGRAMS: readonly DebianProgram[] = [
  { program: "supervisord", name: "supervisor" },
  { program: "runsvdir", name: "runit" },
  { program: "s6-svscan", name: "s6", isFixed: true },
];

/** Makes missing programs available to `which` and to programs that this process starts. Reports what it cannot provide. */
export async function providePrograms(): Promise<void> {
  for (const { program, name, isFixed } of PROGRAMS) {
    if (which(program) !== null || existsSync(join(ROOT, "usr/bin", program))) continue;
    console.error(`${program} is not installed; getting the Debian package ${name} …`);
    const error = await (isFixed ? install(name) : unpack(name));
    if (error !== null) console.error(`cannot get ${name}: ${error}`);
  }
  if (!existsSync(ROOT)) return;
  process.env.PATH = `${process.env.PATH}:${join(ROOT, "usr/bin")}`;
  process.env.PYTHONPATH = [process.env.PYTHONPATH, join(ROOT, "usr/lib/python3/dist-packages")].filter(Boolean).join(":");
}

/** Returns the version of an installed or unpacked package. */
export async function packageVersion(name: string): Promise<string> {
  const installed = /^\S+/.exec((await run(["dpkg-query", "-W", "-f", "${Version}", name])).stdout)?.[0];
  if (installed !== undefined) return installed;
  const file = existsSync(DIRECTORY) ? readdirSync(DIRECTORY).find((one) => one.startsWith(`${name}_`)) : undefined;
  return file?.split("_")[1] ?? "of this system";
}

/** Downloads and unpacks a package. Returns the cause if that is impossible. */
async function unpack(name: string): Promise<string | null> {
  if (which("apt-get") === null || which("dpkg-deb") === null) return "this is not a Debian system";
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
  return await causeOf("cd $0 && apt-get download -qq $1 && dpkg-deb -x $1_*.deb root", DIRECTORY, name);
}

async function install(name: string): Promise<string | null> {
  if (which("apt-get") === null) return "this is not a Debian system";
  if (process.getuid?.() !== 0) return "it must be installed, and this process is not root";
  return await causeOf("apt-get install -y -qq --no-install-recommends $0", name);
}

async function causeOf(script: string, ...words: readonly string[]): Promise<string | null> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const { code, stderr } = await run(["sh", "-c", script, ...words], { env, timeoutMs: 300_000 });
  return code === 0 ? null : (stderr.trim().split("\n").at(-1) ?? `exit code ${code}`);
}

/**
 * `npm run release`: writes executables for every target, Debian packages, the typed client, checksums and more to dist/release. A web server can
 * serve that directory as it is. Two runs on one commit give the same bytes on every machine.
 *
 *   --targets=x64,arm64-musl   builds only these
 *   --out=DIR                  writes to DIR instead of dist/release, and replaces its contents
 *   --releases=URL             the address where the release will be published; built into install.sh and the executables
 */
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeClient } from "./release/client.ts";
import { makeDeb } from "./release/deb.ts";
import { say, sh } from "./release/run.ts";
import { runtimeOf } from "./release/runtimes.ts";
import { makeSbom } from "./release/sbom.ts";
import { SCRIPTS } from "../src/cli/completion/scripts.ts";

const ROOT = resolve(import.meta.dir, "..");
const TARGETS = ["x64", "x64-musl", "arm64", "arm64-musl"] as const;
type Target = (typeof TARGETS)[number];

const options = parseOptions();
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
/** The time of the commit in seconds since 1970. It is the same for every build of the commit. */
const seconds = Number(sh(["git", "log", "-1", "--format=%ct"], { cwd: ROOT }));
if (sh(["git", "status", "--porcelain"], { cwd: ROOT }) !== "")
  say("note: there are changes that are in no commit; they will be in the release");

const work = join(dirname(options.out), `.release.${process.pid}`);
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
try {
  for (const target of options.targets) await build(target);
  writeTexts();
  await writeClient(work, version);
  writeSums();
  rmSync(options.out, { recursive: true, force: true });
  renameSync(work, options.out);
} finally {
  rmSync(work, { recursive: true, force: true });
}
say(`sup ${version} is in ${options.out}`);

async function build(target: Target): Promise<void> {
  say(`building ${target}`);
  const program = join(work, `sup-linux-${target}`);
  const runtime = runtimeOf(ROOT, target);
  sh(["sh", "scripts/build.sh", `--outfile=${program}`, `--target=bun-linux-${target}`, `--runtime=${runtime}`, `--releases=${options.releases}`], { cwd: ROOT }); // prettier-ignore
  rmSync(`${program}.commit`);
  writeFileSync(`${program}.gz`, Bun.gzipSync(await Bun.file(program).bytes(), { level: 9, library: "libdeflate" }));
  if (!target.endsWith("-musl")) packageFor(target, program);
  rmSync(program);
}

/** Makes the Debian package of a target with glibc, which Debian uses. */
function packageFor(target: Target, program: string): void {
  if (Bun.which("dpkg-deb") === null) return say("note: no Debian package is made: dpkg-deb is not on PATH");
  makeDeb({ root: ROOT, out: work, program, version, seconds, architecture: target === "x64" ? "amd64" : "arm64" });
}

function writeTexts(): void {
  const installer = readFileSync(join(ROOT, "install.sh"), "utf8");
  const addressed = installer.replace(/^BASE_URL=$/m, `BASE_URL=${options.releases}`);
  if (options.releases !== "" && addressed === installer) throw new Error("install.sh has no line BASE_URL= to fill in");
  writeFileSync(join(work, "install.sh"), addressed);
  chmodSync(join(work, "install.sh"), 0o755);
  writeFileSync(join(work, "VERSION"), `${version}\n`);
  writeFileSync(join(work, "sbom.cdx.json"), `${JSON.stringify(makeSbom(ROOT, version, seconds), null, 2)}\n`);
  writeFileSync(join(work, "sup.bash"), SCRIPTS.bash);
  writeFileSync(join(work, "_sup"), SCRIPTS.zsh);
  writeFileSync(join(work, "sup.fish"), SCRIPTS.fish);
  for (const page of ["sup.1", "sup.unit.5"]) cpSync(join(ROOT, "docs/man", page), join(work, page));
  cpSync(join(ROOT, "LICENSE"), join(work, "LICENSE"));
}

/** Writes SHA256SUMS in the format of sha256sum, so that `sha256sum -c` can check it. */
function writeSums(): void {
  const names = [...new Bun.Glob("*").scanSync({ cwd: work, dot: true })].sort();
  const lines = names.map((name) => `${createHash("sha256").update(readFileSync(join(work, name))).digest("hex")}  ${name}\n`); // prettier-ignore
  writeFileSync(join(work, "SHA256SUMS"), lines.join(""));
}

function parseOptions() {
  const { values } = parseArgs({
    options: { targets: { type: "string" }, out: { type: "string" }, releases: { type: "string", default: "" } },
  });
  const targets = (values.targets?.split(",") ?? [...TARGETS]) as Target[];
  const unknown = targets.filter((target) => !TARGETS.includes(target));
  if (unknown.length > 0) throw new Error(`there is no target ${unknown.join(", ")}; there are ${TARGETS.join(", ")}`);
  return { targets, out: resolve(values.out ?? join(ROOT, "dist/release")), releases: values.releases.replace(/\/$/, "") };
}

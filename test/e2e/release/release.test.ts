/** `npm run release`: what it makes, and that two runs make the same. The other targets are the same code with another runtime. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { run } from "../../harness/run.ts";
import { tempDir, type TempDir } from "../../harness/temp.ts";
import { piped } from "../install/installing.ts";
import { Site } from "../install/releases.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const TARGET = process.arch === "arm64" ? "arm64" : "x64";

const env = {
  PATH: process.env.PATH!,
  HOME: "/nonexistent",
  // So that the same files are the same commit.
  GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@localhost", GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@localhost", GIT_COMMITTER_DATE: "1700000000 +0000",
}; // prettier-ignore

/** A clone of what is here, with all that is in no commit yet. */
async function clone(to: string): Promise<string> {
  const listed = await run(["git", "ls-files", "-coz", "--exclude-standard"], { env, cwd: ROOT });
  for (const name of listed.stdout.split("\0").filter((each) => each !== "" && each !== "node_modules")) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    cpSync(join(ROOT, name), join(to, name));
  }
  // Links to files, not to the directory: where a package really lies, seen from here, would be in the executable.
  const linked = await run(["cp", "-al", join(ROOT, "node_modules/."), join(to, "node_modules")], { env });
  if (linked.code !== 0)
    expect(await run(["cp", "-a", join(ROOT, "node_modules/."), join(to, "node_modules")], { env })).toMatchObject({ code: 0 });
  for (const words of ["init -q", "add -A", "commit -q -m all"]) {
    expect(await run(["git", ...words.split(" ")], { env, cwd: to })).toMatchObject({ code: 0 });
  }
  return to;
}

async function makeRelease(root: string): Promise<string> {
  const command = ["npm", "run", "release", "--", `--targets=${TARGET}`, "--releases=https://example.org/sup"];
  const made = await run(command, { env: { ...env, HOME: dirname(root) }, cwd: root, timeoutMs: 120_000 });
  expect(made.stderr).toContain("is in ");
  expect(made.code).toBe(0);
  expect(made.stderr).not.toContain("in no commit");
  return join(root, "dist/release");
}

const sumsOf = (directory: string): Map<string, string> =>
  new Map(readdirSync(directory).map((name) => [name, createHash("sha256").update(readFileSync(join(directory, name))).digest("hex")])); // prettier-ignore

const temps: TempDir[] = [];
let first = "";
let second = "";

beforeAll(async () => {
  for (let i = 0; i < 2; i++) temps.push(tempDir());
  first = await makeRelease(await clone(join(temps[0]!.path, "a")));
  second = await makeRelease(await clone(join(temps[1]!.path, "another/place")));
}, 240_000);
afterAll(() => temps.forEach((temp) => temp[Symbol.dispose]()));

test("two releases of one commit, made in different places, are equal byte for byte", () => {
  expect(sumsOf(first)).toEqual(sumsOf(second));
});

test("it has all that an installation needs, and its checksums hold", async () => {
  expect(readdirSync(first).sort()).toEqual(expect.arrayContaining([`sup-linux-${TARGET}.gz`, "SHA256SUMS", "VERSION", "install.sh", "sbom.cdx.json", "sup.bash", "_sup", "sup.fish", "sup.1", "sup.unit.5", "sup-client.js", "sup-client.d.ts", "LICENSE"].sort())); // prettier-ignore
  const checked = await run(["sha256sum", "-c", "--strict", "SHA256SUMS"], { env, cwd: first });
  expect(checked.stdout.trim().split("\n").length).toBe(readdirSync(first).length - 1);
  expect(checked.code).toBe(0);
});

test("it can be served as it is and installed from; the executable knows where releases are", async () => {
  const files = new Map(readdirSync(first).map((name) => [name, readFileSync(join(first, name))] as const));
  await using site = await Site.open(files);
  using home = tempDir();
  const dir = join(home.path, "bin");
  const installed = await piped(site, ["--dir", dir], { home: home.path }).result;
  const { version } = (await Bun.file(join(ROOT, "package.json")).json()) as { version: string };
  expect(installed.stdout).toContain(`installed sup ${version} to ${dir}/sup`);
  expect(installed.code).toBe(0);
  expect(readFileSync(join(first, "VERSION"), "utf8")).toBe(`${version}\n`);
  expect(readFileSync(join(first, "install.sh"), "utf8")).toContain("\nBASE_URL=https://example.org/sup\n");
  const about = JSON.parse((await run([join(dir, "sup"), "version", "--json"], { env })).stdout) as { commit: string; releases: string };
  const head = await run(["git", "rev-parse", "--short=12", "HEAD"], { env, cwd: resolve(first, "../..") });
  expect(about).toMatchObject({ commit: head.stdout.trim(), releases: "https://example.org/sup" });
});

test("the bill of materials has every package that is inside, with its checksum, and what needs what", async () => {
  const sbom = JSON.parse(readFileSync(join(first, "sbom.cdx.json"), "utf8")) as {
    bomFormat: string;
    specVersion: string;
    metadata: { timestamp: string };
    components: Array<{ "bom-ref": string; name: string; version: string; hashes?: unknown[]; licenses?: unknown[] }>;
    dependencies: Array<{ ref: string; dependsOn: string[] }>;
  };
  expect(sbom.bomFormat).toBe("CycloneDX");
  expect(sbom.specVersion).toBe("1.5");
  expect(sbom.metadata.timestamp).toBe("2023-11-14T22:13:20.000Z");
  const { dependencies, devDependencies } = (await Bun.file(join(ROOT, "package.json")).json()) as Record<string, Record<string, string>>;
  const wanted = [...Object.entries(dependencies!), ["bun", devDependencies!.bun]];
  for (const [name, version] of wanted) expect(sbom.components).toContainEqual(expect.objectContaining({ name, version }));
  for (const part of sbom.components) {
    expect(part.hashes?.length, part.name).toBe(1);
    expect(part.licenses?.length, part.name).toBe(1);
  }
  expect(sbom.components.map(({ name }) => name)).not.toContain("oxlint");
  const refs = new Set(sbom.components.map((part) => part["bom-ref"]));
  expect(sbom.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref))).toEqual([]);
});

test("a target that does not exist is refused", async () => {
  const { code, stderr } = await run(["node_modules/.bin/bun", "scripts/release.ts", "--targets=riscv"], { env, cwd: resolve(first, "../..") }); // prettier-ignore
  expect(stderr).toContain("there is no target riscv; there are x64, x64-musl, arm64, arm64-musl");
  expect(code).toBe(1);
  writeFileSync(join(first, "kept"), ""); // still there: nothing was replaced
});

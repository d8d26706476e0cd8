/** install.sh as root runs no program that another user put in its way. */
import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRoot } from "../../harness/confined.ts";
import { tempDir } from "../../harness/temp.ts";
import { inDirectory, piped } from "./installing.ts";
import { fakeSup, INSTALLER, release, Site } from "./releases.ts";

const asRoot = test.if(isRoot);
const NOBODY = 65534;

/** A directory in which a user has put a checkout, whose build leaves the file `ran`. */
function planted(owner: number) {
  const temp = tempDir();
  const dir = join(temp.path, "shared");
  const script = (path: string, text: string): void => {
    writeFileSync(join(dir, path), text, { mode: 0o755 });
    chownSync(join(dir, path), owner, owner);
  };
  for (const part of ["", "scripts", "src", "dist"]) {
    mkdirSync(join(dir, part), { recursive: true });
    chownSync(join(dir, part), owner, owner);
  }
  script("scripts/setup.sh", "");
  script("scripts/build.sh", `touch ${temp.path}/ran; chmod +x dist/sup`);
  script("src/main.ts", "");
  script("dist/sup", fakeSup("9.9.9"));
  return { temp, dir, bin: join(temp.path, "bin"), ran: (): boolean => existsSync(join(temp.path, "ran")) };
}

const run = (dir: string, bin: string, text: string, env: Readonly<Record<string, string>> = {}) => {
  writeFileSync(join(dir, "install.sh"), text);
  return inDirectory(["sh", `${dir}/install.sh`, "--dir", bin], "/", env);
};

test("with an address of releases it downloads, also beside a checkout", async () => {
  await using site = await Site.open(release("1.0.0", fakeSup("1.0.0")));
  const { temp, dir, bin, ran } = planted(process.getuid!());
  using _ = temp;
  const text = readFileSync(INSTALLER, "utf8").replace(/^BASE_URL=$/m, `BASE_URL=${site.url}`);
  expect(await run(dir, bin, text)).toMatchObject({ code: 0, stdout: expect.stringContaining("installed sup 1.0.0") });
  expect(ran()).toBe(false);
});

test("without an address it builds a checkout of the caller", async () => {
  const { temp, dir, bin, ran } = planted(process.getuid!());
  using _ = temp;
  expect(await run(dir, bin, readFileSync(INSTALLER, "utf8"))).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("installed sup 9.9.9"),
  });
  expect(ran()).toBe(true);
});

asRoot("it builds no checkout with a file of another user, nor one that everybody can write to", async () => {
  const text = readFileSync(INSTALLER, "utf8");
  const stranger = planted(NOBODY);
  using _ = stranger.temp;
  expect(await run(stranger.dir, stranger.bin, text)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("belongs to another user"),
  });
  // With sudo, the files of the user who called it are as good as root's.
  expect(await run(stranger.dir, stranger.bin, text, { SUDO_UID: String(NOBODY) })).toMatchObject({ code: 0 });

  const own = planted(0);
  using __ = own.temp;
  chmodSync(join(own.dir, "src"), 0o1777);
  expect(await run(own.dir, own.bin, text)).toMatchObject({ code: 1, stderr: expect.stringContaining(`can write to ${own.dir}/src`) });

  chmodSync(join(own.dir, "src"), 0o755);
  chownSync(join(own.dir, "dist/sup"), NOBODY, NOBODY);
  const inPlace = await inDirectory(["sh", "-c", `cat ${INSTALLER} | sh -s -- --dir ${own.bin}`], own.dir, {});
  expect(inPlace).toMatchObject({ code: 1, stderr: expect.stringContaining(`${own.dir}/dist/sup belongs to another user`) });
  expect(stranger.ran()).toBe(true);
  expect(own.ran()).toBe(false);
});

asRoot("it uses no programs from directories of PATH that another user can write to", async () => {
  await using site = await Site.open(release("1.0.0", fakeSup("1.0.0")));
  using temp = tempDir();
  const fakes = (name: string): string => {
    const dir = join(temp.path, name);
    mkdirSync(dir);
    for (const tool of ["curl", "wget", "gzip", "sha256sum", "id", "ls", "grep", "mkdir"])
      writeFileSync(join(dir, tool), `#!/bin/sh\ntouch ${temp.path}/ran-${name}\n`, { mode: 0o755 });
    return dir;
  };
  const [open, foreign] = [fakes("open"), fakes("foreign")];
  fakes("here");
  chmodSync(open, 0o1777);
  chownSync(foreign, NOBODY, NOBODY);
  const env = { PATH: `here::${open}:${foreign}:${process.env.PATH}` };
  const bin = join(temp.path, "bin");
  expect(await piped(site, ["--dir", bin], { home: temp.path, env, script: INSTALLER }).result).toMatchObject({ code: 0 });
  expect(["open", "foreign", "here"].filter((name) => existsSync(join(temp.path, `ran-${name}`)))).toEqual([]);
});

asRoot("it does not run the program of another user that is in the place of sup", async () => {
  await using site = await Site.open(release("1.0.0", fakeSup("1.0.0")));
  using temp = tempDir();
  const bin = join(temp.path, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "sup"), `#!/bin/sh\ntouch ${temp.path}/ran; echo sup 1.0.0\n`, { mode: 0o755 });
  chownSync(join(bin, "sup"), NOBODY, NOBODY);
  for (const args of [[], ["--uninstall"], ["--uninstall", "--yes"]])
    await piped(site, ["--dir", bin, ...args], { home: temp.path }).result;
  expect(existsSync(join(temp.path, "ran"))).toBe(false);
  expect(existsSync(join(bin, "sup"))).toBe(false);
});

asRoot("it installs into no directory that another user owns or that everybody can write to, also through a link", async () => {
  await using site = await Site.open(release("1.0.0", fakeSup("1.0.0")));
  using temp = tempDir();
  const home = join(temp.path, "home");
  const own = join(home, "own");
  mkdirSync(own, { recursive: true });
  chownSync(home, NOBODY, NOBODY);
  const open = join(temp.path, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  symlinkSync(own, join(temp.path, "link"));
  const refusals: Array<readonly [string, string]> = [
    [home, `${home} belongs to another user`],
    [join(home, "new/bin"), `${home} belongs to another user`],
    [own, `${home} belongs to another user`],
    [join(temp.path, "link"), `${home} belongs to another user`],
    [join(open, "bin"), `every user can write to ${open}`],
  ];
  for (const [dir, words] of refusals) {
    const { code, stderr } = await piped(site, ["--dir", dir], { home: temp.path }).result;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(words) });
  }
  expect(readdirSync(home)).toEqual(["own"]);
  expect(readdirSync(own)).toEqual([]);
  chmodSync(open, 0o1777);
  expect(await piped(site, ["--dir", join(open, "bin")], { home: temp.path }).result).toMatchObject({ code: 0 });
});

test.each(["GNU wget", "busybox"])("%s: a download from https that is redirected to http is refused", async (which) => {
  await using site = await Site.open(release("1.0.0", fakeSup("1.0.0")));
  using temp = tempDir();
  const at = (name: string): string => join(temp.path, name);
  const made = Bun.spawnSync(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", at("key"), "-out", at("cert")], // prettier-ignore
  );
  expect(made.exitCode).toBe(0);
  using server = Bun.serve({
    port: 0,
    tls: { key: Bun.file(at("key")), cert: Bun.file(at("cert")) },
    fetch: (request) => Response.redirect(`${site.url}${new URL(request.url).pathname}`, 302),
  });
  mkdirSync(at("path"));
  const busybox = Bun.which("busybox");
  for (const dir of process.env.PATH!.split(":").toReversed())
    Bun.spawnSync(["sh", "-c", `for f in ${dir}/*; do case $f in */curl | */wget) ;; *) ln -sf "$f" ${at("path")}/ ;; esac; done`]);
  Bun.spawnSync(["ln", "-sf", which === "busybox" ? busybox! : Bun.which("wget")!, at("path/wget")]);
  writeFileSync(at("wgetrc"), `ca_certificate = ${at("cert")}\n`);
  const env = { SUP_BASE_URL: `https://localhost:${server.port}`, PATH: at("path"), WGETRC: at("wgetrc"), SSL_CERT_FILE: at("cert") };
  const { code, stderr } = await piped(site, ["--dir", at("bin")], { home: temp.path, env, script: INSTALLER }).result;
  expect(stderr).toContain("it redirects from https to http");
  expect(code).toBe(1);
  expect(existsSync(at("bin/sup"))).toBe(false);
});

/** install.sh: successful installations, and that a failed one changes nothing. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BECOME_NOBODY, isRoot } from "../../harness/confined.ts";
import { SUP } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { tempDir, type TempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";
import { answersWith, below, cutsAt, fakeSup, FILE, INSTALLER, release, Site, stallsAt, writeFiles, type Files } from "./releases.ts";
import { inDirectory, type Installing, linesOf, piped, type Options, type Result } from "./installing.ts";

const asRoot = test.if(isRoot);

const V1 = release("1.0.0", fakeSup("1.0.0"));
const V2 = release("2.0.0", fakeSup("2.0.0"));
/** Two releases, laid out as on GitHub. */
const BOTH: Files = new Map([...below("latest/download", V2), ...below("download/v1.0.0", V1), ...below("download/v2.0.0", V2)]);

/** A home directory and a site to install from. */
async function place(files: Files = V1) {
  const site = await Site.open(files);
  const temp = tempDir();
  const dir = join(temp.path, "bin");
  const install = (args: readonly string[] = [], options: Options = {}): Promise<Result> =>
    piped(site, ["--dir", dir, ...args], { home: temp.path, ...options }).result;
  return {
    site,
    dir,
    home: temp.path,
    install,
    version: (): string =>
      Bun.spawnSync([join(dir, "sup"), "version"])
        .stdout.toString()
        .trim(),
    async [Symbol.asyncDispose](): Promise<void> {
      temp[Symbol.dispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}

/** A PATH with only these programs; `busybox` stands for all of its applets, as on Alpine. */
function pathOf(temp: TempDir, programs: readonly string[]): string {
  const dir = join(temp.path, "path");
  mkdirSync(dir);
  for (const name of programs) {
    if (name === "busybox") Bun.spawnSync(["busybox", "--install", "-s", dir]);
    else symlinkSync(Bun.which(name)!, join(dir, name));
  }
  return dir;
}

const TOOLS = ["id", "uname", "dirname", "mkdir", "rmdir", "rm", "mv", "cp", "chmod", "cut", "sed", "grep", "head", "tail", "tr", "cat", "gzip", "sha256sum"]; // prettier-ignore

describe("an installation", () => {
  test("piped: downloads, verifies, installs, prints the next step, and leaves no other files", async () => {
    await using there = await place();
    const { code, stdout, stderr } = await there.install();
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(linesOf(stdout)).toEqual([
      `installed sup 1.0.0 to ${there.dir}/sup`,
      `${there.dir} is not on your PATH. To add it in this shell: export PATH="${there.dir}:$PATH"`,
      `  and for every login: echo 'export PATH="${there.dir}:$PATH"' >>~/.profile`,
      `next: sup daemon start${existsSync("/run/systemd/system") ? ", or sup install-service to start it at every boot" : ""}; see also: sup help`,
    ]);
    expect(readdirSync(there.dir)).toEqual(["sup"]);
    expect(statSync(join(there.dir, "sup")).mode & 0o777).toBe(0o755);
    expect(there.site.asked).toEqual(["install.sh", "SHA256SUMS", FILE]);
  });

  test.each([
    ["dash with curl", "dash", [...TOOLS, "curl"]],
    ["dash with GNU wget", "dash", [...TOOLS, "wget"]],
    ["dash with openssl for sha256sum", "dash", [...TOOLS.filter((tool) => tool !== "sha256sum"), "openssl", "curl"]],
    ["busybox only, including its wget", "busybox sh", ["busybox"]],
    ["bash", "bash", [...TOOLS, "curl"]],
  ])(
    "%s",
    async (_, shell, programs) => {
      await using there = await place();
      using temp = tempDir();
      const PATH = pathOf(temp, programs);
      expect(await there.install([], { shell, env: { PATH } })).toMatchObject({ code: 0 });
      expect(there.version()).toBe("sup 1.0.0");
      there.site.manner = cutsAt(FILE);
      const cut = await there.install([], { shell, env: { PATH } });
      expect(cut.stderr).toMatch(/cannot download \S+: .+/);
      expect(cut.code).toBe(1);
      there.site.manner = answersWith(503, "SHA256SUMS");
      const refused = await there.install([], { shell, env: { PATH } });
      expect(refused.stderr).toContain("SHA256SUMS: the server responds with status 503");
      there.site.manner = () => false;
      there.site.files = new Map();
      expect((await there.install([], { shell, env: { PATH }, script: INSTALLER })).stderr).toContain("there is no release at http");
      expect(readdirSync(there.dir)).toEqual(["sup"]);
    },
    90_000,
  );

  test("a second run reinstalls, a newer release replaces the older, --version and SUP_VERSION reinstall the older", async () => {
    await using there = await place(BOTH);
    const script = INSTALLER;
    expect((await there.install([], { script })).stdout).toContain("installed sup 2.0.0 to");
    expect((await there.install([], { script })).stdout).toContain("in place of the same version");
    expect((await there.install(["--version", "1.0.0"], { script })).stdout).toContain("in place of sup 2.0.0");
    expect((await there.install(["--version=v2.0.0"], { script })).stdout).toContain("in place of sup 1.0.0");
    expect((await there.install([], { script, env: { SUP_VERSION: "1.0.0" } })).code).toBe(0);
    expect(there.version()).toBe("sup 1.0.0");
    expect(readdirSync(there.dir)).toEqual(["sup"]);
  });

  test.each(["v1.0.0", "download/v1.0.0", "1.0.0"])("a version is found below %s", async (directory) => {
    await using there = await place(below(directory, V1));
    expect(await there.install(["--version", "1.0.0"], { script: INSTALLER })).toMatchObject({ code: 0 });
  });

  test.each(["latest", "latest/download"])("the latest is found below %s", async (directory) => {
    await using there = await place(below(directory, V1));
    expect(await there.install([], { script: INSTALLER })).toMatchObject({ code: 0 });
  });

  test("from a directory, without a network", async () => {
    await using there = await place();
    using temp = tempDir();
    writeFiles(temp.path, V2);
    for (const SUP_BASE_URL of [temp.path, `file://${temp.path}`]) {
      expect(await there.install([], { script: INSTALLER, env: { SUP_BASE_URL } })).toMatchObject({ code: 0 });
    }
    expect(there.version()).toBe("sup 2.0.0");
    expect(there.site.asked).toEqual([]);
  });

  test("--dry-run only prints what it would do", async () => {
    await using there = await place();
    const { code, stdout } = await there.install(["--dry-run", "--version", "1.0.0"]);
    expect(stdout).toContain(`would download ${FILE.slice(0, -3)} 1.0.0 from ${there.site.url}`);
    expect(code).toBe(0);
    expect(existsSync(there.dir)).toBe(false);
    expect(there.site.asked).toEqual(["install.sh"]);
  });

  asRoot("as an ordinary user: into ~/.local/bin, which it creates", async () => {
    await using there = await place();
    chmodSync(there.home, 0o777);
    const { code, stdout } = await piped(there.site, [], { home: there.home, become: BECOME_NOBODY }).result;
    expect(stdout).toContain(`to ${there.home}/.local/bin/sup`);
    expect(code).toBe(0);
    expect(statSync(join(there.home, ".local/bin/sup")).uid).toBe(65_534);
  });

  test("SUP_INSTALL_DIR sets the directory; if it is on PATH, there is no hint about PATH", async () => {
    await using there = await place();
    const env = { SUP_INSTALL_DIR: there.dir, PATH: `${there.dir}:${process.env.PATH}` };
    const { code, stdout } = await piped(there.site, [], { home: there.home, env }).result;
    expect(stdout.includes("PATH")).toBe(false);
    expect(code).toBe(0);
    expect(there.version()).toBe("sup 1.0.0");
  });

  test("the real executable runs a unit after the installation; --uninstall stops it, removes the executable and keeps the data", async () => {
    await using there = await place(release("x", readFileSync(SUP)));
    const env = { SUP_HOME: there.home };
    const units = join(there.home, "units");
    mkdirSync(units);
    writeFileSync(join(there.home, "sup.json"), '{"api": {"port": 0}}');
    writeFileSync(join(units, "web.unit.json"), '{"command": "sleep", "args": ["1000"], "enabled": true}');
    expect(await there.install([], { env })).toMatchObject({ code: 0 });
    const sup = (...args: string[]) => inDirectory([join(there.dir, "sup"), ...args], there.home, env);
    expect((await sup("daemon", "start")).code).toBe(0);
    expect((await there.install([], { env })).stdout).toContain(
      "a sup daemon is running: `sup daemon restart` replaces it with this program",
    );
    expect((await sup("is-active", "web")).code).toBe(0);
    const { pid } = JSON.parse((await sup("status", "web", "--json")).stdout) as { pid: number };
    const removed = await there.install(["--uninstall"], { env });
    expect(removed.stdout).toContain("units, logs and state were kept");
    expect(removed.code).toBe(0);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(readdirSync(there.dir)).toEqual([]);
    expect(existsSync(join(units, "web.unit.json")) && existsSync(join(there.home, "state/sup.db"))).toBe(true);
    expect((await there.install(["--uninstall"], { env })).stdout).toContain("nothing to remove");
  }, 60_000);
});

/** Checks that the installed version is unchanged and that there are no other files beside it. */
async function keepsTheOld(
  act: (there: Awaited<ReturnType<typeof place>>) => Promise<Result>,
  words: string | RegExp,
  files: Files = V2,
): Promise<void> {
  await using there = await place(V1);
  expect(await there.install()).toMatchObject({ code: 0 });
  there.site.files = files;
  const { code, stderr } = await act(there);
  expect(stderr).toEqual(typeof words === "string" ? expect.stringContaining(words) : expect.stringMatching(words));
  expect(code).toBe(1);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(there.version()).toBe("sup 1.0.0");
  expect(readdirSync(there.dir)).toEqual(["sup"]);
}

describe("a failure has a clear message and keeps the installed version", () => {
  const damaged = new Map([...V2, [FILE, Bun.gzipSync(Buffer.from("evil"))]]);
  const unlisted = new Map([...V2, ["SHA256SUMS", "00  sup-linux-riscv.gz\n"]]);
  const missing = new Map([...V2].filter(([name]) => name !== FILE));
  const page = new Map([...V2.keys()].map((name) => [name, name === "install.sh" ? V2.get(name)! : "<html>welcome</html>"] as const));

  test.each([
    ["a wrong checksum", "is wrong: the file is damaged or was changed. SHA256SUMS lists", damaged],
    ["no build for this machine", `has no ${FILE}: it does not support this kind of machine`, unlisted],
    ["a file that is listed but not there", "the server does not have it, though SHA256SUMS lists it", missing],
    ["a server that responds to everything with a page", "there is no release at http", page],
    ["a program that does not run", /does not run on this machine; nothing was installed. Its output: .+/, release("2", "#!/bin/sh\necho broken\nexit 9\n")],
    ["a program that needs a newer libstdc++", "too old for it (Alpine 3.17 or newer works)", release("2", "#!/bin/sh\necho 'Error relocating /x/sup: _ZSt21__glibcxx_assert_failPKciS0_S0_: symbol not found' >&2\nexit 127\n")],
    ["a program that needs libstdc++, which is missing", "which is not installed: apk add libstdc++ (on Alpine)", release("2", "#!/bin/sh\necho 'Error loading shared library libstdc++.so.6' >&2\nexit 127\n")],
  ])("%s", (_, words, files) => keepsTheOld((there) => there.install(), words, files)); // prettier-ignore

  test("no such version, in any layout", async () => {
    await keepsTheOld((there) => there.install(["--version", "3.0.0"], { script: INSTALLER }), "there is no release 3.0.0 at http", BOTH);
    await keepsTheOld((there) => there.install(["--version", "3.0.0"]), /there is no release 3.0.0 at \S+, only 2.0.0/);
  });

  test("no network", async () => {
    const env = { SUP_BASE_URL: `http://127.0.0.1:${freePort()}` };
    await keepsTheOld(
      (there) => there.install([], { script: INSTALLER, env }),
      /cannot download .+(refused|connect).* \(is the network up/i,
    );
  });

  test("neither curl nor wget; no tool for checksums", async () => {
    using a = tempDir();
    using b = tempDir();
    const env = { PATH: pathOf(a, TOOLS) };
    await keepsTheOld((there) => there.install([], { script: INSTALLER, env }), "neither curl nor wget is on PATH");
    const without = { PATH: pathOf(b, [...TOOLS.filter((tool) => tool !== "sha256sum"), "curl"]) };
    await keepsTheOld((there) => there.install([], { script: INSTALLER, env: without }), "cannot verify the download");
  });

  test.if(!existsSync("/run/systemd/system"))("--service without systemd, before anything is downloaded", async () => {
    await keepsTheOld((there) => there.install(["--service"]), "--service needs systemd, which is not running");
  });

  test("nowhere to download from", async () => {
    await keepsTheOld((there) => there.install([], { script: INSTALLER, env: { SUP_BASE_URL: "" } }), "set SUP_BASE_URL");
  });

  test("another program of that name is not replaced or removed without a question; --yes replaces it", async () => {
    await using there = await place();
    mkdirSync(there.dir);
    writeFileSync(join(there.dir, "sup"), "#!/bin/sh\necho soup\n", { mode: 0o755 });
    for (const args of [[], ["--uninstall"]]) {
      expect(await there.install(args)).toMatchObject({ code: 1, stderr: expect.stringContaining(`${there.dir}/sup is another program`) });
    }
    expect(there.version()).toBe("soup");
    expect(await there.install(["--yes"])).toMatchObject({ code: 0 });
    expect(there.version()).toBe("sup 1.0.0");
  });

  asRoot("a directory that is not writable: as an ordinary user, and as root on a read-only or noexec file system", async () => {
    await using there = await place();
    mkdirSync(there.dir);
    chmodSync(there.home, 0o755);
    const user = await there.install([], { become: BECOME_NOBODY });
    expect(user.stderr).toContain(`cannot write to ${there.dir}; choose another directory with --dir, or run as root`);
    const mounted = (how: string) => ["unshare", "-m", "--propagation", "private", "sh", "-c", `mount -t tmpfs -o ${how} tmpfs '${there.dir}' && exec "$@"`, "sh"]; // prettier-ignore
    const readOnly = await there.install([], { become: mounted("ro") });
    expect(readOnly.stderr).toContain(`cannot write to ${there.dir} (is the file system read-only?)`);
    const noexec = await there.install([], { become: mounted("noexec") });
    expect(noexec.stderr).toContain("mounted noexec?");
    const full = await there.install([], { become: mounted("size=4k") });
    expect(full.stderr).toMatch(/cannot (download|unpack|write)/);
    expect(full.code).toBe(1);
    expect(there.site.asked.filter((path) => path === "install.sh")).toHaveLength(4);
  });

  test.each([
    ["another CPU", { uname: "case $1 in -s) echo Linux;; -m) echo riscv64;; esac" }, "there is no sup for the CPU riscv64"],
    ["another system", { uname: "echo Darwin" }, "sup runs on Linux; this is Darwin"],
    ["a 32-bit system", { getconf: "echo 32" }, "there is no sup for 32-bit systems"],
  ])("%s", async (_, stubs, words) => {
    await using there = await place();
    const env = { PATH: `${stubbed(there.home, stubs)}:${process.env.PATH}` };
    const { code, stderr } = await there.install([], { env });
    expect(stderr.trimEnd().split("\n")).toEqual([expect.stringContaining(words)]);
    expect(code).toBe(1);
    expect(existsSync(there.dir)).toBe(false);
  });

  test("a failed installation removes the directories that it created", async () => {
    await using there = await place(damaged);
    expect((await there.install(["--dir", `${there.home}/a/b/c`])).code).toBe(1);
    expect(existsSync(join(there.home, "a"))).toBe(false);
  });
});

function stubbed(home: string, stubs: Readonly<Record<string, string>>): string {
  const dir = join(home, "stubs");
  mkdirSync(dir);
  for (const [name, line] of Object.entries(stubs)) writeFileSync(join(dir, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return dir;
}

test.each([
  ["x86_64", "musl libc (x86_64)", "sup-linux-x64-musl.gz"],
  ["aarch64", "ldd (GNU libc) 2.36", "sup-linux-arm64.gz"],
  ["arm64", "musl libc (aarch64)", "sup-linux-arm64-musl.gz"],
])("on %s with %s it downloads %s", async (cpu, ldd, file) => {
  await using there = await place(release("1.0.0", fakeSup("1.0.0"), [file]));
  const path = stubbed(there.home, { uname: `case $1 in -s) echo Linux;; -m) echo ${cpu};; esac`, ldd: `echo '${ldd}' >&2; exit 1` });
  expect(await there.install([], { env: { PATH: `${path}:${process.env.PATH}` } })).toMatchObject({ code: 0 });
  expect(there.site.asked).toContain(file);
});

describe("interrupted", () => {
  test("a script that is truncated at any byte runs nothing", async () => {
    await using there = await place();
    const text = readFileSync(INSTALLER, "utf8");
    const ends = [...Array(120).keys()].map((i) => text.trimEnd().length - 1 - i);
    const cuts = [...ends, ...[...Array(40).keys()].map((i) => Math.floor((text.length / 40) * i))];
    const env = { SUP_BASE_URL: there.site.url, HOME: there.home, PATH: process.env.PATH! };
    for (const cut of cuts) {
      Bun.spawnSync(["sh", "-s", "--", "--dir", there.dir], {
        stdin: Buffer.from(text.slice(0, cut)),
        env,
        stdout: "ignore",
        stderr: "ignore",
      });
    }
    expect(there.site.asked).toEqual([]);
    expect(existsSync(there.dir)).toBe(false);
  }, 90_000);

  test.each(["SHA256SUMS", FILE])("by the server in the middle of %s", async (name) => {
    await keepsTheOld(async (there) => {
      there.site.manner = cutsAt(name);
      return await there.install();
    }, /cannot download \S+: .*\(is the network up/);
  });

  const moments = ["SHA256SUMS", FILE, "the first run"] as const;
  const cases = moments.flatMap((moment) =>
    (["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const).map((signal) => [signal, moment] as const),
  );
  test.each(cases)("by %s at %s; the next run cleans up and succeeds", async (signal, moment) => {
    await using there = await place(V1);
    await there.install();
    const hung = join(there.home, "hung");
    there.site.files = moment === "the first run" ? release("2.0.0", `#!/bin/sh\necho >'${hung}'\nexec sleep 1000\n`) : V2;
    if (moment !== "the first run") there.site.manner = stallsAt(moment);
    const killed: Installing = piped(there.site, ["--dir", there.dir], { home: there.home });
    const isThere = (): boolean =>
      moment === "the first run" ? existsSync(hung) : there.site.asked.filter((path) => path === moment).length === 2;
    await until(isThere, { what: moment });
    killed.signal(signal);
    expect((await killed.result).code).not.toBe(0);
    expect(there.version()).toBe("sup 1.0.0");
    if (signal !== "SIGKILL") expect(readdirSync(there.dir)).toEqual(["sup"]);
    there.site.files = V2;
    there.site.manner = () => false;
    expect(await there.install()).toMatchObject({ code: 0 });
    expect(there.version()).toBe("sup 2.0.0");
    expect(readdirSync(there.dir)).toEqual(["sup"]);
  });
});

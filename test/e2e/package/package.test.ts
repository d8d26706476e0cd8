/** The Debian package: installed, upgraded, removed and purged by the real dpkg, in a copy of this machine that is thrown away. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { makeDeb, PACKAGE } from "../../../scripts/release/deb.ts";
import { isRoot } from "../../harness/confined.ts";
import { SUP } from "../../harness/daemon.ts";
import { run } from "../../harness/run.ts";
import { noSandbox, startSandbox, type Sandbox } from "../../harness/sandbox.ts";
import { build } from "../upgrade/builds.ts";

const ROOT = resolve(import.meta.dir, "../../..");
// Without triggers: the index of all manual pages would be made again each time.
const withDpkg = Bun.which("dpkg-deb") !== null && isRoot;
const architecture = process.arch === "arm64" ? "arm64" : "amd64";
const WEB = JSON.stringify({ enabled: true, command: "sleep", args: ["1000"] });
/** No port of this machine's, which the copy shares. */
const SETTINGS = JSON.stringify({ api: { enabled: false } });

// Not in /tmp: a copy of the machine has another one. Every directory above must be for everybody to look into.
let place = "";
let older = "";
let newer = "";

beforeAll(async () => {
  if (!withDpkg) return;
  place = mkdtempSync(join(noSandbox === null ? "/var/tmp" : tmpdir(), "sup-deb-"));
  chmodSync(place, 0o755);
  const make = (program: string, version: string): string =>
    makeDeb({ root: ROOT, out: place, program, version, architecture, seconds: 1_700_000_000 });
  older = make(SUP, "0.0.1");
  newer = make(await build(place, "98.0.0"), "98.0.0");
}, 120_000);
afterAll(() => void (place !== "" && rmSync(place, { recursive: true, force: true })));

/** Lines `name: value` of what a script says. */
const facts = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^(\w+): (.*)$/gm)].map(([, name, value]) => [name, value]));

test.if(withDpkg)(
  "without systemd: services go on through an upgrade, are stopped by a removal, and a purge leaves data",
  async () => {
    const script = `
    set -e
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/up /mnt/work /mnt/root
    mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root
    mount --rbind /dev /mnt/root/dev; mount -t proc proc /mnt/root/proc; mount -t tmpfs tmpfs /mnt/root/run
    exec chroot /mnt/root /bin/sh -ec '
      cd /
      rm -rf /etc/sup /var/lib/sup /var/log/sup /usr/local/bin/sup
      install() { dpkg --no-triggers --force-unsafe-io --install "$1" >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }; }
      pid() { sup status web --json | sed "s/.*\\"pid\\":\\([0-9]*\\).*/\\1/"; }
      install ${older}
      echo "version: $(sup version)"
      echo "pages: $(man --where sup.unit 2>/dev/null)"
      echo "verified: $(dpkg --verify ${PACKAGE})."
      if sup daemon status >/dev/null 2>&1; then echo "started: yes"; fi
      printf %s "$SETTINGS" >/etc/sup/sup.json
      printf %s "$WEB" >/etc/sup/units/web.unit.json
      sup daemon start >/dev/null
      echo "before: $(pid)"
      install ${newer}
      echo "after: $(pid)"
      echo "daemon: $(sup daemon status --json | sed "s/.*\\"version\\":\\"\\([^\\"]*\\)\\".*/\\1/")"
      web=$(pid)
      dpkg --no-triggers --remove ${PACKAGE} >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
      if kill -0 $web 2>/dev/null; then echo "left: $web"; fi
      if [ -e /usr/bin/sup ]; then echo "left: program"; fi
      install ${newer}
      files=$(dpkg --listfiles ${PACKAGE})
      dpkg --no-triggers --purge ${PACKAGE} >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
      echo "said: $(grep -c "was kept; to remove it: rm -r" /tmp/dpkg.log)"
      echo "data: $(ls /etc/sup/units/web.unit.json /etc/sup/sup.json /var/lib/sup/sup.db /var/log/sup/sup.log | wc -l)"
      echo "rest: $(for file in $files; do if [ -f "$file" ]; then echo "$file"; fi; done)."
      echo "status: $(dpkg-query --show --showformat "\\\${db:Status-Status}" ${PACKAGE} 2>/dev/null || echo gone)"
    '`;
    const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/", WEB, SETTINGS, LC_ALL: "C.UTF-8" };
    const { code, stdout, stderr } = await run(["unshare", "-m", "-p", "-f", "--kill-child", "--propagation", "private", "sh", "-c", script], { env, timeoutMs: 60_000 }); // prettier-ignore
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const said = facts(stdout);
    const { version } = (await Bun.file(join(ROOT, "package.json")).json()) as { version: string };
    expect(said).toMatchObject({
      version: `sup ${version}`,
      verified: ".",
      daemon: "98.0.0",

      said: "3",
      data: "4",
      rest: ".",
      status: "gone",
    });
    if (Bun.which("man") !== null) expect(said.pages).toEndWith("/sup.unit.5.gz");
    expect(Number(said.before)).toBeGreaterThan(0);
    expect(said.after).toBe(said.before!);
    expect(said.left).toBeUndefined();
    expect(said.started).toBeUndefined();
  },
  90_000,
);

const pidOf = async (box: Sandbox): Promise<number> =>
  (JSON.parse(await box.must(["sup", "status", "web", "--json"])) as { pid: number }).pid;
const daemonOf = async (box: Sandbox) =>
  JSON.parse(await box.must(["sup", "daemon", "status", "--json"])) as { version: string; pid: number };

test.if(withDpkg && noSandbox === null)(
  "with systemd: the service runs at once and after a boot, and all ends in order",
  async () => {
    await using box = await startSandbox();
    await box.must(["rm", "/usr/local/bin/sup"]);
    await box.write("/etc/sup/units/web.unit.json", WEB);
    await box.must(["sh", "-c", "rm -f /usr/sbin/policy-rc.d"]); // of a machine that tests: it keeps packages from starting anything
    const dpkg = (...words: string[]): Promise<string> =>
      box.must(["dpkg", "--no-triggers", "--force-unsafe-io", ...words], { timeoutMs: 60_000 });
    await dpkg("--install", older);
    expect(await box.must(["systemctl", "is-active", "sup"])).toBe("active\n");
    expect(await box.must(["systemctl", "is-enabled", "sup"])).toBe("enabled\n");
    const before = await pidOf(box);
    const main = (await daemonOf(box)).pid;

    await dpkg("--install", newer);
    expect(await daemonOf(box)).toMatchObject({ version: "98.0.0", pid: main });
    expect(await pidOf(box)).toBe(before);
    expect(await box.must(["systemctl", "is-active", "sup"])).toBe("active\n");

    await box.reboot();
    await box.must(["systemctl", "start", "sup"]); // waits for the start that is under way
    expect(await pidOf(box)).toBeGreaterThan(0);

    // What the administrator switched off stays off.
    await box.must(["systemctl", "disable", "--now", "sup"]);
    await dpkg("--install", older);
    expect((await box.root(["systemctl", "is-enabled", "sup"])).stdout).toBe("disabled\n");
    await box.must(["systemctl", "enable", "--now", "sup"]);

    const web = await pidOf(box);
    expect(await dpkg("--purge", PACKAGE)).toContain("/etc/sup was kept; to remove it: rm -r /etc/sup");
    expect((await box.root(["kill", "-0", String(web)])).code).not.toBe(0);
    expect((await box.root(["systemctl", "cat", "sup"])).code).not.toBe(0);
    await box.must(["test", "-f", "/etc/sup/units/web.unit.json", "-a", "-f", "/var/lib/sup/sup.db", "-a", "!", "-e", "/usr/bin/sup"]);
    expect(await box.must(["find", "/etc/systemd", "/var/lib/systemd/deb-systemd-helper-enabled", "-name", "sup.service*"])).toBe("");
  },
  120_000,
);

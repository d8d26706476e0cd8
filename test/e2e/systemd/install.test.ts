/** `sup install-service` and `uninstall-service` against a real systemd: again and again, undone, and refused. */
import { expect, test } from "bun:test";
import { INSTALLED, noSandbox, startSandbox } from "../../harness/sandbox.ts";

const withSystemd = test.if(noSandbox === null);
const TIMEOUT_MS = 60_000;
const UNIT = "/home/ann/.config/systemd/user/sup.service";

withSystemd(
  "a user who never logged in: lingering is switched on, a second run has nothing to do, and uninstall undoes it all",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann");
    const plan = await box.mustAs(ann, ["sup", "install-service", "--dry-run"]);
    expect(plan).toContain("Would enable lingering for ann");
    expect((await box.root(["test", "-e", UNIT])).code).toBe(1);

    const done = await box.mustAs(ann, ["sup", "install-service"]);
    // What the dry run said is what was done.
    const said = (text: string, mark: string): string[] => text.split("\n").filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length).replace(/:$/, "")); // prettier-ignore
    expect(said(done, "✓ ")).toEqual(said(plan, "Would "));
    expect(plan).toContain((await box.read(UNIT)).split("\n").filter(Boolean).map((line) => `  ${line}`)[0]!); // prettier-ignore
    expect(await box.must(["loginctl", "show-user", "ann", "--property=Linger", "--value"])).toBe("yes\n");
    expect(await box.mustAs(ann, ["sup", "daemon", "status"])).toContain("one cgroup per run");

    expect(await box.mustAs(ann, ["sup", "install-service"])).toContain("is already installed");
    expect(JSON.parse(await box.mustAs(ann, ["sup", "install-service", "--json"]))).toMatchObject({ done: [], lingering: true, state: "active", warnings: [] }); // prettier-ignore

    await box.mustAs(ann, ["sup", "uninstall-service"]);
    expect((await box.root(["test", "-e", UNIT])).code).toBe(1);
    expect((await box.root(["loginctl", "show-user", "ann", "--property=Linger", "--value"])).stdout).not.toBe("yes\n");
    expect(await box.mustAs(ann, ["sup", "uninstall-service"])).toContain("There is no service to uninstall");
  },
  TIMEOUT_MS,
);

withSystemd(
  "lingering that was on before stays on",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    expect(await box.mustAs(ann, ["sup", "install-service"])).not.toContain("lingering");
    expect(await box.mustAs(ann, ["sup", "uninstall-service"])).not.toContain("lingering");
    expect(await box.must(["loginctl", "show-user", "ann", "--property=Linger", "--value"])).toBe("yes\n");
  },
  TIMEOUT_MS,
);

withSystemd(
  "an older unit file is brought up to date; one that was edited, or is somebody else's, is left alone",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    await box.mustAs(ann, ["sup", "install-service"]);
    const written = await box.read(UNIT);

    await box.write(UNIT, written.replace("WatchdogSec=30", "WatchdogSec=31"), ann);
    const edited = await box.as(ann, ["sup", "install-service"]);
    expect(edited.stderr).toContain("was changed after sup wrote it");
    expect(edited.code).toBe(1);
    expect(edited.stderr).toContain("systemctl --user edit sup.service");

    // As an older version of sup would have written it: another text, with its checksum.
    const body = written.slice(written.indexOf("\n") + 1).replace("RestartSec=1\n", "");
    const sum = Bun.CryptoHasher.hash("sha256", body, "hex").slice(0, 16);
    await box.write(UNIT, `${written.slice(0, written.indexOf("\n")).replace(/[0-9a-f]{16}/, sum)}\n${body}`, ann);
    const updated = await box.mustAs(ann, ["sup", "install-service"]);
    expect(updated).toContain("✓ update ");
    expect(updated).toContain("takes effect at the next start: systemctl --user restart sup");
    expect(await box.read(UNIT)).toBe(written);

    await box.write(UNIT, "[Service]\nExecStart=/bin/true\n", ann);
    for (const command of ["install-service", "uninstall-service"]) {
      const foreign = await box.as(ann, ["sup", command]);
      expect(foreign.stderr).toContain("was not written by sup");
      expect(foreign.code).toBe(1);
    }
    expect(await box.read(UNIT)).toBe("[Service]\nExecStart=/bin/true\n");
  },
  TIMEOUT_MS,
);

withSystemd(
  "a daemon that was started by hand is followed by the service's, and its units run on",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    await box.write("/home/ann/.config/sup/units/web.unit.json", '{"enabled": true, "command": "sleep", "args": ["1000"]}', ann);
    await box.mustAs(ann, ["sup", "daemon", "start"]);
    await box.mustAs(ann, ["sup", "start", "web"]);
    const before = JSON.parse(await box.mustAs(ann, ["sup", "status", "web", "--json"])) as { pid: number };
    expect(await box.mustAs(ann, ["sup", "install-service"])).toContain("✓ end the daemon that runs without systemd");
    const after = JSON.parse(await box.mustAs(ann, ["sup", "status", "web", "--json"])) as object;
    expect(after).toMatchObject({ pid: before.pid, state: "running", restart_count: 0 });
  },
  TIMEOUT_MS,
);

withSystemd(
  "a service that cannot start is not left behind, and neither is lingering",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann");
    await box.write("/home/ann/.config/sup/sup.json", '{"api": {"port": "many"}}', ann);
    // It never gets ready, and systemd would try again and again: the start is given up when it was tried once.
    const failed = await box.as(ann, ["sup", "install-service"]);
    expect(failed.stderr).toContain("cannot install the service");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("api.port");
    expect((await box.root(["test", "-e", UNIT])).code).toBe(1);
    expect((await box.root(["ls", "/var/lib/systemd/linger"])).stdout).toBe("");
  },
  TIMEOUT_MS,
);

withSystemd(
  "who may not, and where it would not stay",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    const system = await box.as(ann, ["sup", "install-service", "--system"]);
    expect(system.stderr).toContain("requires root");
    expect(system.code).toBe(1);
    const user = await box.root(["sup", "install-service", "--user"]);
    expect(user.stderr).toContain("root has no user service");
    expect(user.code).toBe(2);
    await box.must(["install", "-m", "755", INSTALLED, "/tmp/sup"]);
    const temporary = await box.as(ann, ["/tmp/sup", "install-service"]);
    expect(temporary.stderr).toContain("/tmp is a temporary directory");
    expect(temporary.code).toBe(1);
    expect((await box.root(["test", "-e", UNIT])).code).toBe(1);
  },
  TIMEOUT_MS,
);

withSystemd(
  "without the right to linger, the service is installed and the warning says what to do",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    // polkit says no, as some sites have it; ann's manager stays until the boot.
    await box.write("/etc/polkit-1/rules.d/10-no.rules", 'polkit.addRule(function (action) { if (action.id.indexOf("linger") >= 0) return "no"; });\n'); // prettier-ignore
    await box.must(["systemctl", "restart", "polkit"]);
    await box.must(["rm", "/var/lib/systemd/linger/ann"]);
    await box.must(["systemctl", "restart", "systemd-logind"]);
    const done = await box.as(ann, ["sup", "install-service"]);
    expect(done.stderr).toContain("sudo loginctl enable-linger ann");
    expect(done.code).toBe(0);
    expect(done.stdout).toContain("It starts when you log in.");
  },
  TIMEOUT_MS,
);

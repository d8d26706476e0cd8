/** What `sup doctor` finds where systemd runs the machine. */
import { expect, test } from "bun:test";
import { type Account, INSTALLED, noSandbox, type Sandbox, startSandbox } from "../../harness/sandbox.ts";

const UNIT = "/home/ann/.config/systemd/user/sup.service";

type Finding = { readonly check: string; readonly severity: string; readonly message: string; readonly fix: string };

async function examine(box: Sandbox, account: Account, ...prefix: readonly string[]): Promise<readonly Finding[]> {
  const { stdout } = await box.as(account, [...prefix, "sup", "doctor", "--json"]);
  return (JSON.parse(stdout) as { findings: readonly Finding[] }).findings;
}

/** Carries out the fix that was given, which must be a command, and gives the finding; after it there is none. */
async function mends(box: Sandbox, account: Account, check: string, severity: string): Promise<Finding> {
  const findings = await examine(box, account);
  expect(findings.map((one) => [one.check, one.severity, one.message])).toEqual([[check, severity, expect.any(String)]]);
  const [finding] = findings;
  await box.mustAs(account, ["/bin/sh", "-c", /^[^;,(]+/.exec(finding!.fix)![0]]);
  expect(await examine(box, account)).toEqual([]);
  return finding!;
}

test.if(noSandbox === null)(
  "lingering, the unit file, and what systemd makes of it: each is found, and its fix mends it",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    await box.mustAs(ann, ["sup", "daemon", "start"]);
    expect((await examine(box, ann)).map(({ check, severity }) => [check, severity])).toEqual([["systemd service", "note"], ["cgroups", "note"]]); // prettier-ignore
    await box.mustAs(ann, ["sup", "install-service"]);
    expect(await examine(box, ann)).toEqual([]);

    await box.must(["rm", "/var/lib/systemd/linger/ann"]);
    await box.must(["systemctl", "restart", "systemd-logind"]);
    expect((await mends(box, ann, "lingering", "warning")).message).toContain("your services stop when you log out");

    await box.mustAs(ann, ["systemctl", "--user", "disable", "sup"]);
    expect((await mends(box, ann, "systemd service", "warning")).message).toContain("does not start at boot");

    // An older version's file: another text with its own checksum.
    const written = await box.read(UNIT);
    const body = written.slice(written.indexOf("\n") + 1).replace("RestartSec=1", "RestartSec=5");
    const sum = Bun.CryptoHasher.hash("sha256", body, "hex").slice(0, 16);
    await box.write(UNIT, `${written.slice(0, written.indexOf("\n")).replace(/[0-9a-f]{16}/, sum)}\n${body}`, ann);
    await box.mustAs(ann, ["systemctl", "--user", "daemon-reload"]);
    expect((await mends(box, ann, "systemd service", "warning")).message).toContain("was written by another version of sup");

    await box.write(UNIT, written.replace("RestartSec=1", "RestartSec=2"), ann);
    expect((await mends(box, ann, "systemd service", "warning")).message).toContain("systemd has not read");
    await box.write(UNIT, written, ann);
    await box.mustAs(ann, ["systemctl", "--user", "daemon-reload"]);

    await box.mustAs(ann, ["systemctl", "--user", "stop", "sup"]);
    expect(await mends(box, ann, "daemon", "warning")).toMatchObject({
      message: "no daemon is running",
      fix: "systemctl --user start sup",
    });

    await box.mustAs(ann, ["systemctl", "--user", "stop", "sup"]);
    await box.mustAs(ann, ["/bin/sh", "-c", "setsid sup daemon >/dev/null 2>&1 & until sup status >/dev/null 2>&1; do sleep 0.05; done"]);
    const [byHand] = (await examine(box, ann)).filter(({ severity }) => severity === "warning");
    expect(byHand!.message).toContain("was started by hand");
    await box.mustAs(ann, ["sup", "install-service"]);
    expect(await examine(box, ann)).toEqual([]);
  },
  90_000,
);

test.if(noSandbox === null)(
  "a program that is gone, a service that cannot start, another program, and a shell without XDG_RUNTIME_DIR",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    await box.mustAs(ann, ["mkdir", "-p", "bin"]);
    await box.mustAs(ann, ["cp", INSTALLED, "bin/sup"]);
    await box.mustAs(ann, ["bin/sup", "install-service"]);
    const [other] = await examine(box, ann);
    expect(other).toMatchObject({
      check: "systemd service",
      severity: "note",
      message: `sup.service runs /home/ann/bin/sup; this is ${INSTALLED}`,
    });

    const [blind] = await examine(box, ann, "env", "-u", "XDG_RUNTIME_DIR");
    expect(blind).toMatchObject({ check: "runtime directory", severity: "error", fix: `export XDG_RUNTIME_DIR=/run/user/${ann.uid}` });
    expect(blind!.message).toContain(`your daemon answers on /run/user/${ann.uid}/sup/sup.sock`);
    const [foreign] = await examine(box, ann, "env", "XDG_RUNTIME_DIR=/run/systemd");
    expect(foreign!.message).toContain("belongs to user 0");
    const [none] = await examine(box, ann, "env", "XDG_RUNTIME_DIR=/run/user/none");
    expect(none!.message).toContain("does not exist");

    await box.write("/home/ann/.config/sup/sup.json", '{"api": {"port": "many"}}', ann);
    await box.mustAs(ann, ["systemctl", "--user", "stop", "sup"]);
    await box.as(ann, ["systemctl", "--user", "start", "sup"]);
    const broken = await examine(box, ann);
    expect(broken.map(({ check, severity }) => `${check}: ${severity}`)).toEqual([
      "daemon: warning",
      "settings: error",
      "systemd service: note",
      "systemd service: error",
    ]);

    await box.must(["rm", "/home/ann/bin/sup"]);
    expect((await examine(box, ann)).map(({ message }) => message)).toContain(`${UNIT} runs /home/ann/bin/sup, which does not exist`);
  },
  90_000,
);

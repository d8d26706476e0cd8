import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { authorOf, programOf, unitText } from "../../src/cli/systemd/unit-file.ts";
import { FakeDaemon, sup, type Given } from "./fake.ts";

const plain = { scope: "user", program: "/usr/local/bin/sup", environment: {} } as const;

describe("the unit file", () => {
  test("has the settings that systemd needs", () => {
    const text = unitText(plain);
    for (const line of ["Type=notify", "Restart=always", "Delegate=yes", "KillMode=process", "OOMPolicy=continue", "WatchdogSec=30"])
      expect(text).toContain(`\n${line}\n`);
    expect(text).toContain("\nExecStart=/usr/local/bin/sup daemon\n");
    expect(text).toContain("\nWantedBy=default.target\n");
    expect(unitText({ ...plain, scope: "system" })).toContain("\nWantedBy=multi-user.target\n");
  });

  test.each(["/usr/local/bin/sup", "/opt/my tools/sup", '/opt/50%/a"b\\c/sup'])(
    "the program %s is quoted and can be read back",
    (program) => {
      const text = unitText({ ...plain, program });
      expect(programOf(text)).toBe(program);
      if (program !== plain.program) expect(text).not.toContain(`ExecStart=${program}`);
    },
  );

  test("values of the environment are quoted", () => {
    expect(unitText({ ...plain, environment: { SUP_HOME: "/srv/my 10%" } })).toContain('\nEnvironment="SUP_HOME=/srv/my 10%%"\n');
  });

  test("detects whether it was changed", () => {
    const text = unitText(plain);
    expect(authorOf(text)).toBe("sup");
    expect(authorOf(text.replace("Restart=always", "Restart=no"))).toBe("edited");
    expect(authorOf("[Service]\nExecStart=/bin/true\n")).toBe("other");
    expect(authorOf("")).toBe("other");
  });
});

const bare: Given = { host: { ask: async () => ({ code: 1, stdout: "", stderr: "nobody answers" }) } };
const unitOf = (home: string): string => join(home, ".config/systemd/user/sup.service");

test("without systemd nothing is installed, and the message suggests an alternative", async () => {
  await using daemon = new FakeDaemon(null);
  const { code, err } = await sup(daemon, ["install-service"], bare);
  expect(code).toBe(1);
  expect(err).toContain("this machine does not run systemd (there is no /run/systemd/system)");
  expect(err).toContain("sup daemon start");
  expect(existsSync(unitOf(daemon.home))).toBe(false);
});

test("without systemd a dry run still shows the unit file, with the directories of this environment", async () => {
  await using daemon = new FakeDaemon(null);
  const { code, out, err } = await sup(daemon, ["install-service", "--user", "--dry-run", "--units", "/srv/units"], bare);
  expect(code).toBe(0);
  expect(out).toContain(`Would write ${unitOf(daemon.home)}:`);
  expect(out).toContain("  Delegate=yes");
  expect(out).toContain(`  Environment="SUP_HOME=${daemon.home}"`);
  expect(out).toContain('  Environment="SUP_UNITS=/srv/units"');
  expect(err).toContain("note: this machine does not run systemd");
  expect(existsSync(unitOf(daemon.home))).toBe(false);
});

test("a dry run as JSON", async () => {
  await using daemon = new FakeDaemon(null);
  const { code, out } = await sup(daemon, ["install-service", "--dry-run", "--json"], bare);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ scope: "user", unit_file: unitOf(daemon.home), warnings: [expect.stringContaining("this machine does not run systemd")] }); // prettier-ignore
});

test.each([
  ["from its sources", { compiled: false }, "runs from source"],
  ["from a temporary place", { program: "/var/tmp/x/sup" }, "/var/tmp is a temporary directory"],
])("%s sup is not installed", async (_, host, words) => {
  await using daemon = new FakeDaemon(null);
  const { code, err } = await sup(daemon, ["install-service"], { host: { ...bare.host, systemdRuns: () => true, ...host } });
  expect(err).toContain(words);
  expect(code).toBe(1);
});

test("reports a systemd manager that does not answer, and removes what was written", async () => {
  await using daemon = new FakeDaemon(null);
  let now = 0;
  const host = { ...bare.host, systemdRuns: () => true, now: () => (now += 5000), sleep: async () => {} };
  const { code, err } = await sup(daemon, ["install-service"], { host });
  expect(code).toBe(1);
  expect(err).toContain("nobody answers");
  expect(err).toContain("loginctl enable-linger ann");
  expect(existsSync(unitOf(daemon.home))).toBe(false);
});

test("uninstall reports a missing service and does not touch one written by somebody else", async () => {
  await using daemon = new FakeDaemon(null);
  expect(await sup(daemon, ["uninstall-service"], bare)).toMatchObject({ code: 0, out: "There is no service to uninstall.\n" });
  mkdirSync(join(unitOf(daemon.home), ".."), { recursive: true });
  writeFileSync(unitOf(daemon.home), "[Service]\nExecStart=/bin/true\n");
  const { code, err } = await sup(daemon, ["uninstall-service"], bare);
  expect(err).toContain("was not written by sup");
  expect(code).toBe(1);
});

test("--user and --system cannot be combined", async () => {
  await using daemon = new FakeDaemon(null);
  expect(await sup(daemon, ["install-service", "--user", "--system"], bare)).toMatchObject({ code: 2 });
});

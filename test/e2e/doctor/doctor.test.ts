/** Each finding of `sup doctor`, provoked for real; those that take systemd are in test/e2e/systemd. */
import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isRoot } from "../../harness/confined.ts";
import { type Daemon, startDaemon, SUP } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { crasher, sleeper } from "../../harness/services.ts";

interface Finding {
  readonly check: string;
  readonly severity: string;
  readonly message: string;
  readonly fix: string;
}

/** What it finds, without what this machine has of its own (a program of the same name, no cgroups). */
async function examine(daemon: Daemon): Promise<{ readonly code: number; readonly findings: readonly Finding[] }> {
  const { code, stdout } = await daemon.sup("doctor", "--json");
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: readonly Finding[] };
  expect(ok).toBe(code === 0);
  expect(ok).toBe(!findings.some(({ severity }) => severity !== "note"));
  expect(findings.every(({ fix }) => fix.length > 0)).toBe(true);
  return { code, findings: findings.filter(({ severity }) => severity !== "note") };
}

/** The one finding there is; and that the text says the same. */
async function onlyFinding(daemon: Daemon, check: string, severity: string): Promise<Finding> {
  const { code, findings } = await examine(daemon);
  expect(findings.map((one) => [one.check, one.severity, one.message])).toEqual([[check, severity, expect.any(String)]]);
  expect(code).toBe(1);
  const { stdout } = await daemon.sup("doctor");
  expect(stdout).toContain(`${check}: ${findings[0]!.message}\n    → ${findings[0]!.fix}\n`);
  return findings[0]!;
}

const withDisk = test.if(isRoot);

function mounted(path: string, options: string): Disposable {
  mkdirSync(path, { recursive: true });
  expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `mode=0700,${options}`, "none", path]).exitCode).toBe(0);
  return { [Symbol.dispose]: () => void Bun.spawnSync(["umount", "-l", path]) };
}

test("where all is well, it says so and what it looked at", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  expect(await examine(daemon)).toEqual({ code: 0, findings: [] });
  expect((await daemon.sup("doctor")).stdout).toMatch(/No problems found: .*daemon, .*directories, units, .*disk, clock/s);
});

test("no daemon, one that was killed, one that hangs, and something else in its place", async () => {
  await using daemon = await startDaemon();
  process.kill(daemon.pid, "SIGSTOP");
  try {
    expect((await onlyFinding(daemon, "daemon", "error")).message).toContain("holds the lock");
  } finally {
    process.kill(daemon.pid, "SIGCONT");
  }
  await daemon.crash();
  expect((await onlyFinding(daemon, "daemon", "warning")).message).toContain("a killed daemon left the socket");
  rmSync(daemon.socket);
  expect(await onlyFinding(daemon, "daemon", "warning")).toMatchObject({ message: "no daemon is running", fix: "sup daemon start" });
  writeFileSync(daemon.socket, "");
  expect((await onlyFinding(daemon, "daemon", "error")).message).toContain("is not a socket");
}, 60_000);

test("the daemon's program was replaced", async () => {
  let copy = "";
  await using daemon = await startDaemon({
    bin: (home) => {
      copyFileSync(SUP, (copy = join(home, "sup")));
      return copy;
    },
  });
  copyFileSync(SUP, `${copy}.new`);
  renameSync(`${copy}.new`, copy);
  expect(await onlyFinding(daemon, "version", "warning")).toMatchObject({ fix: "sup daemon restart (services keep running)" });
  expect((await daemon.sup("daemon", "restart")).code).toBe(0);
  expect(await examine(daemon)).toMatchObject({ code: 0 });
});

test("settings with an error, and a unit file with one", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper() } });
  daemon.writeUnit("web", '{ "comand": "sleep" }');
  const unit = await onlyFinding(daemon, "units", "error");
  expect(unit.message).toContain(`${daemon.home}/units/web.unit.json:1: unknown key "comand"`);
  expect(unit.fix).toContain('did you mean "command"?');
  daemon.removeUnit("web");
  writeFileSync(join(daemon.home, "sup.json"), '{\n "api": {"port": "many"} }');
  expect((await onlyFinding(daemon, "settings", "error")).message).toContain('sup.json:2: "api.port" must be a number');
});

test("a unit that is down for good", async () => {
  await using daemon = await startDaemon({ units: { web: crasher(1, { enabled: true, restart_policy: { max_retries: 0 } }) } });
  await daemon.reaches("web", "fatal");
  expect(await onlyFinding(daemon, "units", "error")).toMatchObject({
    message: "unit web is fatal: Failed: exit code 1. Gave up; `sup start web` tries again.",
    fix: "sup why web",
  });
});

test("directories and files that others can read or write", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper() } });
  const of = (path: string): string => join(daemon.home, path);
  for (const [path, mode, good, severity, words] of [
    ["state", 0o755, 0o700, "warning", "is open to others (0755)"],
    ["run/token", 0o644, 0o600, "warning", "can be read by others (0644)"],
    ["units", 0o777, 0o755, "error", "can be written by others (0777)"],
    ["units/web.unit.json", 0o666, 0o644, "error", "can be written by others (0666)"],
  ] as const) {
    chmodSync(of(path), mode);
    const { message, fix } = await onlyFinding(daemon, "directories", severity);
    expect(message).toContain(`${of(path)} ${words}`);
    expect(fix).toMatch(new RegExp(`^chmod .*${of(path)}$`));
    chmodSync(of(path), good);
  }
  expect(await examine(daemon)).toMatchObject({ code: 0 });
});

withDisk("directories and unit files of somebody else, and what cannot be written", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper() } });
  chownSync(join(daemon.home, "logs"), 65534, 65534);
  expect((await onlyFinding(daemon, "directories", "error")).message).toContain("belongs to user 65534, not to you (0)");
  chownSync(join(daemon.home, "logs"), 0, 0);
  chownSync(join(daemon.home, "units/web.unit.json"), 65534, 65534);
  expect((await onlyFinding(daemon, "directories", "error")).message).toContain("who can thereby run commands as you");
  chownSync(join(daemon.home, "units/web.unit.json"), 0, 0);
  using _ = mounted(join(daemon.home, "logs"), "ro");
  expect((await onlyFinding(daemon, "directories", "error")).message).toContain("read-only");
});

withDisk("a full disk, and one without inodes", async () => {
  await using daemon = await startDaemon();
  const logs = join(daemon.home, "logs");
  {
    using _ = mounted(logs, "size=5m");
    expect((await onlyFinding(daemon, "disk", "error")).message).toMatch(/^[45] MiB are left for logs on the disk of .*logs$/);
  }
  {
    using _ = mounted(logs, "size=100m,nr_inodes=8");
    for (let i = 0; i < 7; i++) writeFileSync(join(logs, `x${i}`), "");
    expect((await onlyFinding(daemon, "disk", "error")).message).toContain("0 of 8 inodes are left");
  }
});

test("a taken port, with a daemon and without", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  await using daemon = await startDaemon({ settings: { api: { port: server.port } } });
  expect((await onlyFinding(daemon, "port", "warning")).message).toMatch(
    new RegExp(`^port ${server.port} is taken by \\S+ \\(pid ${process.pid}\\)`),
  );
  await daemon.stop();
  const { findings } = await examine(daemon);
  expect(findings.map(({ check }) => check)).toEqual(["daemon", "port"]);
});

test("the clock went back", async () => {
  await using daemon = await startDaemon({ settings: { api: { port: freePort() } } });
  const later = new Date(Date.now() + 10 * 86_400_000);
  utimesSync(join(daemon.home, "state/sup.db"), later, later);
  expect((await onlyFinding(daemon, "clock", "warning")).message).toContain(`are from ${later.toISOString().slice(0, 10)}`);
});

test("too few open files for the units", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper(), db: sleeper() } });
  Bun.spawnSync(["prlimit", "--pid", String(daemon.pid), "--nofile=70:70"]);
  expect((await onlyFinding(daemon, "open files", "warning")).message).toBe("the daemon may open 70 files, but 2 units can need 80");
});

test("what is only good to know does not fail it: no cgroups", async () => {
  await using daemon = await startDaemon({ settings: { containment: "processes" } });
  const { code, stdout } = await daemon.sup("doctor");
  expect(stdout).toContain("· cgroups: processes are not tracked by cgroup: switched off by the setting");
  expect(code).toBe(0);
  expect(stdout).toContain(`"containment": "auto" in ${daemon.home}/sup.json`);
});

const MIGRATE = "/proc/sys/net/ipv4/tcp_migrate_req";
const migrates = existsSync(MIGRATE) && readFileSync(MIGRATE, "utf8").trim() === "1";

test.if(!migrates)("a socket with reuse_port on a machine that drops the connections of a closed listener", async () => {
  const socket = { name: "http", listen: `127.0.0.1:${freePort()}`, reuse_port: true };
  await using daemon = await startDaemon({ units: { web: sleeper({ sockets: [socket] }) } });
  const { message } = await onlyFinding(daemon, "reuse_port", "warning");
  expect(message).toStartWith("web: reuse_port is set");
});

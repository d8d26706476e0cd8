/** Problems of the machine: what the daemon reports, and what keeps working. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonInfo } from "../../../src/api/contract/shapes.ts";
import { SUP, startDaemon, type Daemon } from "../../harness/daemon.ts";
import { run } from "../../harness/run.ts";
import { sleeper } from "../../harness/services.ts";
import { tempDir } from "../../harness/temp.ts";

const info = async (daemon: Daemon): Promise<DaemonInfo> => (await daemon.json("daemon", "status")) as DaemonInfo;

/** Runs `sup daemon`, which is expected to exit on its own. */
const tryDaemon = (home: string) => run([SUP, "daemon"], { env: { PATH: "/usr/bin:/bin", HOME: home, SUP_HOME: home, NO_COLOR: "1" } });

test.each([
  ["noise", (): Buffer => Buffer.from("this is no database, but long enough to be taken for one. ".repeat(200))],
  ["a header without content", (): Buffer => Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(4080, 0xa5)])],
] as const)("a damaged database (%s) is moved away: the daemon starts, reports it, and services run", async (_, bytes) => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  await daemon.stop();
  const state = join(daemon.home, "state");
  for (const name of readdirSync(state).filter((one) => one.startsWith("sup.db"))) writeFileSync(join(state, name), bytes());
  await daemon.start();
  await daemon.reaches("web", "running");
  const aside = readdirSync(state).filter((name) => /^sup\.db\..*\d{4}/.test(name));
  expect(aside.length).toBeGreaterThan(0);
  expect((await info(daemon)).notes.join("\n")).toMatch(/sup\.db.*(damaged|set aside|no database)/s);
  expect((await daemon.sup("status")).stdout).toContain("sup.db");
  await daemon.stop();
  await daemon.start();
  expect((await info(daemon)).notes).toEqual([]); // reported once
});

test("a port in use is reported, and the socket works", async () => {
  const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) }, settings: { api: { port: holder.port } } });
    await daemon.reaches("web", "running");
    const { url, notes } = await info(daemon);
    expect(url).toBeNull();
    expect(notes.join("\n")).toContain(`port ${holder.port} is taken`);
    expect((await daemon.sup("status")).stdout).toContain(`port ${holder.port} is taken`);
  } finally {
    holder.stop(true);
  }
});

test("a socket path that is too long is refused with its length and a hint", async () => {
  using dir = tempDir();
  const home = join(dir.path, "d".repeat(60), "e".repeat(60));
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "sup.json"), `{ "api": { "port": 0 } }`);
  const { code, stderr } = await tryDaemon(home);
  expect(code).toBe(1);
  expect(stderr).toMatch(/the path has \d+ bytes, the limit for a unix socket is 107; choose a shorter SUP_HOME/);
});

test.each([
  ["malformed", `{ "api": `, /sup\.json:1:\d+/],
  ["an unknown key", `{ "api": { "prot": 1 } }`, /unknown key "api\.prot"[^]*did you mean "api\.port"/],
  ["a wrong type", `{ "api": { "port": "http" } }`, /sup\.json:1:20.*api\.port/],
] as const)("a settings file with %s prevents the start, with position and cause", async (_, text, wanted) => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "sup.json"), text);
  const { code, stderr } = await tryDaemon(dir.path);
  expect(code).toBe(1);
  expect(stderr).toMatch(wanted);
});

test("`sup daemon start` reports why the daemon did not start", async () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "sup.json"), `{ "api": { "prot": 1 } }`);
  const { code, stderr } = await run([SUP, "daemon", "start"], {
    env: { PATH: "/usr/bin:/bin", HOME: dir.path, SUP_HOME: dir.path, NO_COLOR: "1" },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/cannot start the daemon[^]*unknown key "api\.prot"/);
});

test("a home that is not writable is refused with a hint", async () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "file"), "");
  const { code, stderr } = await tryDaemon(join(dir.path, "file"));
  expect(code).toBe(1);
  expect(stderr).toContain("cannot use the directory");
});

test("a missing unit directory is created; one that is removed while the daemon runs is not an error", async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  await run(["/bin/rm", "-r", join(daemon.home, "units")]);
  await daemon.start();
  expect((await daemon.sup("status")).code).toBe(0);
  expect(statSync(join(daemon.home, "units")).mode & 0o777).toBe(0o755);
  await run(["/bin/rm", "-r", join(daemon.home, "units")]);
  mkdirSync(join(daemon.home, "units"));
  daemon.writeUnit("late", sleeper({ enabled: true }));
  await daemon.reaches("late", "running");
});

test("a stale socket and token of an earlier daemon do not prevent the start", async () => {
  await using daemon = await startDaemon();
  const before = (await daemon.sup("token")).stdout;
  await daemon.crash();
  await daemon.start();
  expect((await daemon.sup("token")).stdout).toBe(before);
  expect((await daemon.sup("status")).code).toBe(0);
});

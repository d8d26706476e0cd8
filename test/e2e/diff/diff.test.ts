/** Which change broke it: `sup why` and `sup diff` name what was different when a unit began to fail. */
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Change, Diff, Why } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { sleeper, type UnitFile } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const NO_RETRY: UnitFile = { enabled: true, restart_policy: { max_retries: 0 } };

/** Replaces a program in one step, as a deployment does. */
function deploy(path: string, script: string): void {
  writeFileSync(`${path}.new`, `#!/bin/sh\n${script}\n`);
  chmodSync(`${path}.new`, 0o755);
  renameSync(`${path}.new`, path);
}

/** Returns the changes that `sup why` names, as soon as it names some. A fingerprint is stored a moment after the start. */
const changesOf = (daemon: Daemon, id: string): Promise<Change[]> =>
  until(async () => [((await daemon.json("why", id)) as Why).change?.changes ?? []].find(({ length }) => length > 0), {
    what: `a change of ${id} before its failure`,
  });

/** Returns the comparison once it has found changes. */
const diffOf = (daemon: Daemon, ...args: string[]): Promise<Diff> =>
  until(async () => [(await daemon.json("diff", ...args)) as Diff].find(({ changes }) => changes.length > 0), { what: "a difference" });

/** Waits until the fingerprint of the unit's latest run is stored. */
const whenStored = (daemon: Daemon, id: string): Promise<unknown> =>
  until(
    async () => {
      await daemon.sup("restart", id);
      const { unknown } = (await daemon.json("diff", id)) as Diff;
      return unknown.length === 0;
    },
    { what: `a fingerprint of ${id}` },
  );

test("a new executable that crashes is named, with the time of the deployment, the exits and the error lines", async () => {
  await using daemon = await startDaemon();
  const app = join(daemon.home, "app");
  deploy(app, "exec sleep 1000");
  daemon.writeUnit("app", { command: app, ...NO_RETRY });
  await daemon.reaches("app", "running");
  await whenStored(daemon, "app");
  deploy(app, "echo 'fatal: no such table' >&2\nexit 3");
  await daemon.sup("restart", "app");
  await daemon.reaches("app", "fatal");

  const [change] = await changesOf(daemon, "app");
  expect(change).toMatchObject({ kind: "executable", names: [] });
  expect(change!.text).toMatch(
    new RegExp(`^The executable ${app} changed, \\d+(\\.\\d+)?m?s before the first failure \\(exit code 3\\)\\.$`),
  );
  const { stdout } = await daemon.sup("why", "app");
  expect(stdout).toContain(`What changed before the failure\n`);
  expect(stdout).toContain(`The executable ${app} changed, `);

  const found = await diffOf(daemon, "app");
  expect(found.changes.map(({ text }) => text)).toEqual([`The executable ${app} changed.`]);
  expect(found.after).toMatchObject({ exit: "exit code 3", failed: true, error_lines: 1, runs: 1, failures: 1 });
  expect(found.before).toMatchObject({ failed: false, error_lines: 0, failures: 0 });
  expect(Date.parse(found.changes[0]!.time)).toBeLessThanOrEqual(Date.parse(found.after.started));
  expect(Date.parse(found.changes[0]!.time)).toBeGreaterThan(Date.parse(found.before.started));
  expect((await daemon.sup("diff", "app")).stdout).toContain("What changed\n");
});

test("a changed environment file is named with its variables, and no value is in the answers or in the store", async () => {
  await using daemon = await startDaemon();
  const file = join(daemon.home, "app.env");
  writeFileSync(file, "BILLING_KEY=hunter2\nMODE=live\n");
  const script = 'test "$MODE" = live || exit 78; exec sleep 1000';
  daemon.writeUnit("app", { command: "/bin/sh", args: ["-c", script], environment_files: [file], ...NO_RETRY });
  await daemon.reaches("app", "running");
  await whenStored(daemon, "app");
  writeFileSync(file, "BILLING_KEY=hunter3\nMODE=test\n");
  await daemon.sup("restart", "app");
  await daemon.reaches("app", "fatal");
  const changes = await changesOf(daemon, "app");
  expect(changes.map(({ kind, names }) => [kind, names])).toEqual([
    ["environment_file", []],
    ["environment", ["BILLING_KEY", "MODE"]],
  ]);
  expect(JSON.stringify([changes, await diffOf(daemon, "app")])).not.toContain("hunter");
  await daemon.stop();
  expect(readFileSync(join(daemon.home, "state/sup.db")).includes("hunter")).toBe(false);
});

test("a release link that leads elsewhere is named with both directories", async () => {
  await using daemon = await startDaemon();
  for (const release of ["41", "42"]) {
    mkdirSync(join(daemon.home, "releases", release), { recursive: true });
    deploy(join(daemon.home, "releases", release, "serve"), release === "41" ? "exec sleep 1000" : "exit 1");
  }
  const link = join(daemon.home, "current");
  symlinkSync("releases/41", link);
  daemon.writeUnit("app", { command: "./serve", working_directory: link, ...NO_RETRY });
  await daemon.reaches("app", "running");
  await whenStored(daemon, "app");
  symlinkSync("releases/42", `${link}.new`);
  renameSync(`${link}.new`, link);
  await daemon.sup("restart", "app");
  await daemon.reaches("app", "fatal");
  const texts = (await changesOf(daemon, "app")).map(({ text }) => text);
  expect(texts.join("\n")).toContain(`The working directory led to ${daemon.home}/releases/42 instead of ${daemon.home}/releases/41, `);
});

test("changed keys of the unit file are named; two runs can be chosen; with nothing changed it says so", async () => {
  await using daemon = await startDaemon();
  daemon.writeUnit("app", sleeper({ ...NO_RETRY, environment: { A: "1" } }));
  await daemon.reaches("app", "running");
  await whenStored(daemon, "app");
  await daemon.sup("restart", "app");
  const same = await daemon.sup("diff", "app");
  expect(same.stdout).toContain("Nothing: both runs had the same executable, files, environment and settings.");

  const before = await daemon.service("app");
  daemon.writeUnit("app", sleeper({ ...NO_RETRY, environment: { A: "2" }, start_timeout: 30 }));
  await daemon.sup("reload");
  await daemon.reaches("app", (row) => row.state === "running" && row.pid !== before.pid);
  const found = await diffOf(daemon, "app", "--between", before.invocation!, "0");
  expect(found.changes.map(({ kind, names }) => [kind, names])).toEqual([
    ["unit", ["environment", "start_timeout"]],
    ["environment", ["A"]],
  ]);
  expect(found.before.invocation).toBe(before.invocation!);
  expect((await daemon.sup("diff", "app", "--between", "-1", "nonsense")).code).toBe(2);
  const unknown = await daemon.sup("diff", "app", "--between", "ffffffff", "0");
  expect(unknown.stderr).toContain("cannot compare runs of app: it has no run ffffffff");
});

test("the next daemon still knows what the runs before it were started with", async () => {
  await using daemon = await startDaemon();
  const app = join(daemon.home, "app");
  deploy(app, "exec sleep 1000");
  daemon.writeUnit("app", { command: app, ...NO_RETRY });
  await daemon.reaches("app", "running");
  await whenStored(daemon, "app");
  await daemon.crash();
  await daemon.start();
  deploy(app, "exit 3");
  await daemon.sup("restart", "app");
  await daemon.reaches("app", "fatal");
  expect((await changesOf(daemon, "app")).map(({ kind }) => kind)).toEqual(["executable"]);
});

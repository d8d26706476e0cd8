/** A link to /dev/null in place of a unit file: the unit is masked and cannot be started. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { ReloadPlan, Status } from "../../../src/api/contract/shapes.ts";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const fileOf = (daemon: Daemon, id: string): string => join(daemon.home, "units", `${id}.unit.json`);

const becomesMasked = (daemon: Daemon, id: string): Promise<unknown> =>
  until(async () => ((await daemon.json("status")) as Status).masked?.some((unit) => unit.id === id), { what: `${id} to be masked` });

test("a masked unit is shown as masked and refuses start, restart and enable; units that need it say so", async () => {
  await using daemon = await startDaemon({ units: { app: sleeper({ dependencies: ["db"] }), "job@": sleeper() } });
  symlinkSync("/dev/null", fileOf(daemon, "db"));
  rmSync(fileOf(daemon, "job@"));
  symlinkSync("/dev/null", fileOf(daemon, "job@"));
  await becomesMasked(daemon, "db");
  await becomesMasked(daemon, "job@");
  expect((await daemon.sup("status")).stdout).toMatch(/○ +db +masked +.*db\.unit\.json is a link to \/dev\/null/);
  expect(await daemon.sup("status", "db")).toMatchObject({ code: 3, stdout: expect.stringContaining("masked") });
  expect((await daemon.sup("list")).stdout).toMatch(/^db +masked/m);
  expect(await daemon.sup("is-enabled", "db")).toMatchObject({ code: 1, stdout: "masked\n" });
  expect(await daemon.sup("is-active", "db")).toMatchObject({ code: 3, stdout: "stopped\n" });
  for (const command of ["start", "restart", "enable"])
    for (const id of ["db", "job@1"]) {
      const refused = await daemon.sup(command, id);
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(new RegExp(`${id} is masked: .*/dev/null[^]*sup unmask ${id}`)),
      });
    }
  await daemon.reaches("app", () => true);
  expect(await daemon.sup("start", "app")).toMatchObject({ code: 1, stderr: expect.stringContaining("db") });
  expect(await daemon.sup("verify")).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('"db" is masked, so this unit cannot start'),
  });
});

test("`sup mask` keeps the file beside the link and lets a running unit run until it is stopped; `sup unmask` puts the file back", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }), up: sleeper({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  const text = readFileSync(fileOf(daemon, "web"), "utf8");
  expect((await daemon.sup("mask", "web")).code).toBe(0);
  expect(await daemon.sup("mask", "web")).toMatchObject({ code: 0, stdout: "web: already masked\n" });
  await becomesMasked(daemon, "web");
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid, changed_on_disk: true });
  const both = await daemon.sup("restart", "web", "up");
  expect(both.stderr).toContain("web is masked");
  expect(both.code).toBe(1);
  expect(both.stdout).toContain("up: running");
  expect(await daemon.service("web")).toMatchObject({ pid });

  expect(((await daemon.json("reload", "--dry-run")) as ReloadPlan).units).toMatchObject([{ id: "web", change: "masked", action: "stop" }]);
  expect((await daemon.sup("stop", "web")).code).toBe(0);
  expect((await daemon.sup("reload")).stdout).toMatch(/web masked/);
  expect((await daemon.sup("start", "web")).code).toBe(1);

  expect(await daemon.sup("unmask", "web")).toMatchObject({ code: 0, stdout: "web: unmasked\n" });
  expect(readFileSync(fileOf(daemon, "web"), "utf8")).toBe(text);
  expect(existsSync(`${fileOf(daemon, "web")}.masked`)).toBe(false);
  await until(async () => ((await daemon.json("status")) as Status).services.some(({ id }) => id === "web"), { what: "web to be known" });
  expect((await daemon.sup("start", "web")).code).toBe(0);
  expect(await daemon.sup("unmask", "web")).toMatchObject({ code: 0, stdout: "web: not masked\n" });
});

test("a masked unit does not start with the daemon; `--now` stops it, and a unit without a file can be masked too", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  expect((await daemon.sup("mask", "--now", "web")).code).toBe(0);
  expect((await daemon.sup("mask", "other")).code).toBe(0);
  await daemon.stop();
  await daemon.start();
  const { services, masked } = (await daemon.json("status")) as Status;
  expect(services).toEqual([]);
  expect(masked!.map(({ id }) => id)).toEqual(["other", "web"]);
  expect((await daemon.sup("unmask", "other")).code).toBe(0);
  expect(existsSync(fileOf(daemon, "other"))).toBe(false);
  expect((await daemon.sup("mask", "a/b")).code).toBe(2);
});

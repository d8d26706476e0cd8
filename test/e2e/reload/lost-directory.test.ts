/** A unit directory that vanishes, as in a deploy or when a disk is unmounted. */
import { expect, test } from "bun:test";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { worker } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

test("reload and SIGHUP keep the units of a directory that cannot be read or is missing, and say why; --force lets them go", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  const units = join(daemon.home, "units");
  renameSync(units, `${units}.away`);
  const missing = await daemon.sup("reload");
  expect(missing).toMatchObject({ code: 1 });
  expect(missing.stderr).toContain(`cannot read the directory ${units}: it does not exist; its unit stays as before`);
  expect(missing.stderr).toContain("sup reload --force");
  writeFileSync(units, "");
  const unreadable = await daemon.sup("reload", "--force");
  expect(unreadable).toMatchObject({ code: 1 });
  expect(unreadable.stderr).toContain("ENOTDIR");
  process.kill(daemon.pid, "SIGHUP");
  const log = (): string => readFileSync(join(daemon.home, "logs/sup.log"), "utf8");
  await until(() => log().includes("reload by SIGHUP"), { what: "the reason in the log", explain: log });
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid });

  rmSync(units);
  expect((await daemon.sup("reload", "--force")).stdout).toContain("web removed");
  renameSync(`${units}.away`, units);
  expect((await daemon.sup("reload")).code).toBe(0);
});

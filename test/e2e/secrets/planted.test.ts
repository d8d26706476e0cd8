/** A unit file that another user puts into the directory of root's daemon is not run. */
import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRoot } from "../../harness/confined.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

test.if(isRoot)("root's daemon reports a planted unit file and does not run it; units of root go on", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  const units = join(daemon.home, "units");
  chmodSync(units, 0o1777);
  const proof = join(daemon.home, "ran");
  using drafts = tempDir();
  const draft = join(drafts.path, "planted.unit.json");
  writeFileSync(draft, JSON.stringify({ command: "touch", args: [proof], enabled: true }));
  chownSync(draft, 65534, 65534);
  renameSync(draft, join(units, "planted.unit.json"));
  const status = async (): Promise<string> => (await daemon.sup("status")).stdout;
  await until(async () => /planted\.unit\.json: user 65534 put it into a directory/.test(await status()), {
    what: "the report",
    explain: status,
  });
  expect((await daemon.sup("start", "planted")).code).toBe(4);
  expect((await daemon.sup("reload")).code).not.toBe(5);
  expect(existsSync(proof)).toBe(false);
  expect((await daemon.service("web")).state).toBe("running");
});

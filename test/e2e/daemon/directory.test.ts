/** Nothing depends on the directory or the priority that the daemon was started with. */
import { expect, test } from "bun:test";
import { mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { getPriority, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { startDaemon, SUP } from "../../harness/daemon.ts";
import { run } from "../../harness/run.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

test("a daemon whose starter's directory is gone works, and its units run in the home directory", async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const away = mkdtempSync(join(tmpdir(), "sup-away-"));
  const shell = await run(["/bin/sh", "-c", `cd ${away} && exec nice -n 3 ${SUP} daemon start`], { env: daemon.env });
  expect(shell).toMatchObject({ code: 0 });
  const { pid } = ((await daemon.json("status")) as { daemon: { pid: number } }).daemon;
  try {
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
    rmSync(away, { recursive: true });
    daemon.writeUnit("plain", { command: "/bin/sh", args: ["-c", "pwd; exec sleep 1000"] });
    daemon.writeUnit("polite", sleeper({ nice: 7 }));
    await daemon.sup("reload");
    expect((await daemon.sup("start", "plain", "polite")).code).toBe(0);
    const plain = (await daemon.service("plain")).pid!;
    expect(readlinkSync(`/proc/${plain}/cwd`)).toBe(userInfo().homedir);
    await until(() => daemon.log("plain").includes(` F ${userInfo().homedir}\n`), { what: "pwd" });
    // Only root may lower the value that it inherited.
    expect(getPriority(plain)).toBe(process.geteuid?.() === 0 ? 0 : 3);
    expect(getPriority((await daemon.service("polite")).pid!)).toBe(7);
    expect((await daemon.sup("daemon", "restart")).code).toBe(0);
    expect((await daemon.sup("restart", "plain")).code).toBe(0);
    expect(readlinkSync(`/proc/${(await daemon.service("plain")).pid}/cwd`)).toBe(userInfo().homedir);
  } finally {
    await daemon.sup("daemon", "stop");
  }
});

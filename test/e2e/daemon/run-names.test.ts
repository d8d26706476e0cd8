/** SUP_INVOCATION_ID names one run and no other: also when the daemon has forgotten the unit in between. */
import { expect, test } from "bun:test";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { until } from "../../harness/until.ts";

const unit = (says: string) => ({ command: "/bin/sh", args: ["-c", `echo ${says} $SUP_INVOCATION_ID; exec sleep 1000`], enabled: true });

/** What the running `web` was called. */
async function nameOf(daemon: Daemon): Promise<string> {
  const { invocation } = (await daemon.reaches("web", "running")) as unknown as { invocation: string };
  return invocation;
}

test("no name comes again after an orderly end of the daemon, a kill, or the unit's removal; each run is found by its own", async () => {
  await using daemon = await startDaemon({ units: { web: unit("first") } });
  const names = [await nameOf(daemon)];
  await daemon.stop();
  daemon.writeUnit("web", unit("second"));
  await daemon.start();
  names.push(await nameOf(daemon));

  // What was not started is remembered with the number of its earlier runs, too.
  await daemon.stop();
  daemon.writeUnit("web", { ...unit("third"), enabled: false });
  await daemon.start();
  await daemon.reaches("web", "stopped");
  await daemon.crash();
  await daemon.start();
  await daemon.sup("start", "web");
  names.push(await nameOf(daemon));

  daemon.removeUnit("web");
  expect((await daemon.sup("reload")).code).toBe(0);
  // The reload does not wait until the removed unit is down.
  await until(async () => (await daemon.sup("is-active", "web")).code === 4, { what: "web to be gone" });
  daemon.writeUnit("web", unit("fourth"));
  await daemon.sup("reload");
  names.push(await nameOf(daemon));

  expect(names.map((name) => Number.parseInt(name.slice(24), 16))).toEqual([1, 2, 3, 4]);
  const said = ["first", "second", "third", "fourth"];
  for (const [i, name] of names.entries()) {
    const { stdout } = await daemon.sup("logs", "web", "--bare", "--invocation", name);
    expect(stdout).toBe(`${said[i]} ${name}\n`);
    expect((await daemon.sup("logs", "web", "--bare", "--invocation", String(i - 3))).stdout).toBe(stdout);
  }
});

test("no name comes again among `sup run`s of one name", async () => {
  await using daemon = await startDaemon();
  const run = (): Promise<{ stdout: string }> => daemon.sup("run", "--name", "once", "-f", "--", "printenv", "SUP_INVOCATION_ID");
  const names = [(await run()).stdout, (await run()).stdout, (await run()).stdout];
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name.trim()).toMatch(/^[0-9a-f]{32}$/);
});

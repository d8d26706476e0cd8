/** `log.group`: log shippers of another user read the logs of a unit, and no others. */
import { expect, test } from "bun:test";
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { asNobody, isRoot } from "../../harness/confined.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { run } from "../../harness/run.ts";
import { worker } from "../../harness/services.ts";

const GROUP = "4321";

/** Reads a log as a user who is in no other group. */
const ship = ({ home }: Daemon, unit: string): ReturnType<typeof run> =>
  run(["setpriv", "--reuid=4322", `--regid=${GROUP}`, "--clear-groups", "cat", join(home, "logs", `${unit}.log`)], {});

test.if(isRoot)(
  "a member of the group reads the log of that unit, also after a restart of the daemon; doctor has no objection",
  async () => {
    const units = { web: worker({ enabled: true, log: { group: GROUP } }), db: worker({ enabled: true }) };
    await using daemon = await startDaemon({ units });
    chmodSync(daemon.home, 0o711);
    for (const id of ["web", "db"]) await daemon.reaches(id, "running");
    await daemon.crash();
    await daemon.start();
    expect(await ship(daemon, "web")).toMatchObject({ code: 0, stdout: expect.stringContaining("stdout F up") });
    expect((await ship(daemon, "db")).code).toBe(1);
    expect((await run(["setpriv", "--reuid=4322", "--regid=4322", "--clear-groups", "ls", join(daemon.home, "logs")], {})).code).not.toBe(
      0,
    );
    expect((await daemon.sup("doctor")).stdout).not.toContain("is open to others");
    daemon.writeUnit("web", worker({ enabled: true }));
    const { pid } = await daemon.service("web");
    expect((await daemon.sup("reload")).code).toBe(0);
    expect((await ship(daemon, "web")).code).toBe(1);
    expect((await daemon.service("web")).pid).toBe(pid);
  },
);

test.if(isRoot)("a daemon that may not give files to the group refuses the start, and verify warns", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ log: { group: GROUP } }) }, bin: asNobody });
  const { code, stdout, stderr } = await daemon.sup("start", "web");
  const words = `cannot let the group ${GROUP} read the log: only root and members of the group can give it files (EPERM)`;
  expect([code, stdout + stderr]).toEqual([1, expect.stringContaining(words)]);
  expect((await daemon.sup("why", "web")).stdout).toContain(words);
  expect(statSync(join(daemon.home, "logs")).mode & 0o777).toBe(0o700);
});

/** `sup reload UNIT` and `pre_restart`: what the command says is what happened to the service. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { rmSync, writeFileSync } from "node:fs";
import { eventsOf } from "../../harness/history.ts";
import { sleeper, worker } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { pythonService, python } from "../notify/services.ts";

const shared = sharedDaemon();
const { drop } = shared;

test("after a signal it says only that the signal was sent", async () => {
  const { daemon } = shared;
  await drop("hup", worker({ reload: { signal: "SIGWINCH" } }));
  await daemon.sup("start", "hup");
  const { code, stdout } = await daemon.sup("reload", "hup");
  expect(stdout).toContain("SIGWINCH sent");
  expect(code).toBe(0);
  expect((await eventsOf(daemon, "hup", "reloaded")).map(({ message }) => message)).toEqual(["SIGWINCH sent"]);
});

test("a command that fails is a failed reload", async () => {
  const { daemon } = shared;
  await drop("refuses", sleeper({ reload: { command: "/bin/sh", args: ["-c", "echo wrong >&2; exit 4"] } }));
  await daemon.sup("start", "refuses");
  const { code, stdout, stderr } = await daemon.sup("reload", "refuses");
  expect(stdout + stderr).toContain("exit code 4");
  expect(code).toBe(1);
  expect((await daemon.service("refuses")).state).toBe("running");
  expect(await eventsOf(daemon, "refuses", "reloaded")).toEqual([]);
});

const notifies = (answer: string): object =>
  pythonService(
    `
def reload(*_):
    say("RELOADING=1")
    ${answer}
signal.signal(signal.SIGHUP, reload)
say("READY=1")
while True:
    time.sleep(0.02)
`,
    { start_timeout: 6, reload: { signal: "SIGHUP" } },
  );

test.if(python !== null)("a notify unit that announces its reload is waited for, and the reload is one event", async () => {
  const { daemon } = shared;
  await drop("announces", { ...notifies('time.sleep(0.5); say("READY=1")') });
  await daemon.reaches("announces", "running");
  const { code, stdout } = await daemon.sup("reload", "announces");
  expect(stdout).toMatch(/configuration reloaded in (5|6|7|8|9)\d\dms|configuration reloaded in \d/);
  expect(code).toBe(0);
  expect((await eventsOf(daemon, "announces", "reloaded")).map(({ message }) => message)).toEqual(["configuration reloaded"]);
});

test.if(python !== null)("a notify unit that announces its reload and never finishes it has failed to reload", async () => {
  const { daemon } = shared;
  await drop("hangs", { ...notifies("pass") });
  await daemon.reaches("hangs", "running");
  const { code, stdout, stderr } = await daemon.sup("reload", "hangs");
  expect(stdout + stderr).toContain("did not send READY=1 within 6s");
  expect(code).toBe(1);
  expect((await daemon.service("hangs")).state).toBe("running");
});

test("pre_restart that fails leaves the unit running, and restart says why", async () => {
  const { daemon } = shared;
  const wrong = join(daemon.home, "wrong");
  const pre_restart = [{ command: "/bin/sh", args: ["-c", `kill -0 $MAINPID && [ ! -e ${wrong} ]`] }];
  await drop("tested", sleeper({ pre_restart }));
  await daemon.sup("start", "tested");
  const { pid } = await daemon.service("tested");
  writeFileSync(wrong, "");
  const { code, stdout, stderr } = await daemon.sup("restart", "tested");
  expect(stdout + stderr).toContain("not restarted, it goes on running: pre_restart /bin/sh: exit code 1");
  expect(code).toBe(1);
  expect(await daemon.service("tested")).toMatchObject({ state: "running", pid });
  expect(await eventsOf(daemon, "tested", "restart-failed")).toHaveLength(1);
  rmSync(wrong);
  expect((await daemon.sup("restart", "tested")).code).toBe(0);
  expect((await daemon.service("tested")).pid).not.toBe(pid);
});

/** The socket of the API and the runtime directory are deleted while the daemon runs. */
import { expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, SUP } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

test("a deleted socket is made again, also when a file was put in its place; streams go on, and no command says that no daemon runs", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  const events = Bun.spawn([SUP, "events", "-f", "--json"], { env: daemon.env, stdout: "pipe", stderr: "pipe" });
  let text = "";
  const read = (async () => {
    for await (const chunk of events.stdout) text += Buffer.from(chunk).toString();
  })();
  rmSync(daemon.socket);
  const status = await daemon.sup("status");
  expect(status).toMatchObject({ code: 0, stderr: "" });
  rmSync(daemon.socket);
  expect((await daemon.sup("daemon", "start")).stdout).toContain(`already running (pid ${daemon.pid})`);
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  await until(() => text.includes("daemon-socket-restored"), { what: "the event on the stream", explain: () => text });
  events.kill();
  await read;
  expect(existsSync(daemon.socket)).toBe(true);
  expect((await daemon.sup("status")).code).toBe(0);
  rmSync(daemon.socket);
  writeFileSync(daemon.socket, "");
  const foreign = await daemon.sup("status");
  expect(foreign.code).toBe(5);
  expect(foreign.stderr).toContain("a daemon runs, but it does not listen there");
  expect(foreign.stderr).not.toContain("sup daemon start");
  rmSync(daemon.socket);
  expect((await daemon.sup("status")).code).toBe(0);
});

test("after the runtime directory was deleted services restart as usual, with their output, notifications and sockets", async () => {
  const says = {
    command: "/bin/sh",
    args: ["-c", 'echo "run $SUP_INVOCATION_ID"; exec sleep 1000'],
    enabled: true,
    restart_policy: { retry_delay: 0.02 },
  };
  const notify = { type: "notify", command: "/bin/sh", args: ["-c", "systemd-notify --ready; exec sleep 1000"], enabled: true };
  await using daemon = await startDaemon({ units: { says, ...(Bun.which("systemd-notify") && { notify }) } });
  const { pid } = await daemon.reaches("says", "running");
  rmSync(join(daemon.home, "run"), { recursive: true });
  process.kill(pid!, "SIGKILL");
  await until(() => existsSync(daemon.socket), { what: "the socket" });
  const after = await daemon.reaches("says", (row) => row.state === "running" && row.pid !== pid);
  const logged = async (): Promise<string> => (await daemon.sup("logs", "says", "--bare")).stdout;
  await until(async () => (await logged()).includes(after.invocation ?? "-"), { what: "the output of the new run", explain: logged });
  if (Bun.which("systemd-notify")) expect((await daemon.sup("restart", "notify")).code).toBe(0);
  // What a crash needs is there again.
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("says")).toMatchObject({ state: "running", pid: after.pid });
});

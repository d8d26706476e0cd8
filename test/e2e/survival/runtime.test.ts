/** The socket of the API and the runtime directory are deleted while the daemon runs. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, SUP } from "../../harness/daemon.ts";
import { alive, processesOf } from "../../harness/processes.ts";
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

test("after the runtime directory was deleted and made again, kill -9 loses no output: every line is in the log once", async () => {
  const lines = 20_000;
  const counts = {
    command: "/bin/sh",
    args: ["-c", `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); printf 'line %%s' $i; echo; done; exec sleep 1000`],
    enabled: true,
    auto_restart: false,
  };
  await using daemon = await startDaemon({ units: { counts } });
  const { pid } = await daemon.reaches("counts", "running");
  for (let round = 0; round < 3; round++) {
    rmSync(join(daemon.home, "run"), { recursive: true });
    const restored = (): boolean => ["sup.sock", "keeper", "capture.table"].every((name) => existsSync(join(daemon.home, "run", name)));
    await until(restored, { what: "the runtime directory" });
    await until(() => readFileSync(join(daemon.home, "run/keeper"), "latin1").includes("output counts stdout"), { what: "the keeper" });
    await daemon.crash();
    await daemon.start();
    expect(await daemon.service("counts")).toMatchObject({ state: "running", pid });
  }
  const logged = async (): Promise<string> => (await daemon.sup("logs", "counts", "--bare", "-n", String(lines + 10))).stdout;
  await until(async () => (await logged()).includes(`line ${lines}\n`), { what: "the last line", timeoutMs: 60_000 });
  expect((await logged()) === Array.from({ length: lines }, (_, i) => `line ${i + 1}\n`).join("")).toBe(true);
}, 120_000);

test("a deleted lock is made again, and a second daemon is refused meanwhile", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  const lock = join(daemon.home, "state/lock");
  rmSync(lock);
  const second = Bun.spawnSync([SUP, "daemon"], { env: daemon.env, stdout: "pipe", stderr: "pipe" });
  expect(second.exitCode).toBe(1);
  expect(second.stderr.toString()).toContain(`another daemon (pid ${daemon.pid}) owns`);
  await until(async () => (await daemon.sup("events")).stdout.includes("holds the lock"), { what: "the event" });
  await until(() => existsSync(lock) && readFileSync(lock, "utf8") === `${daemon.pid}\n`, { what: "the lock" });
  expect(await daemon.service("web")).toMatchObject({ state: "running", pid });
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  rmSync(lock);
  expect(Bun.spawnSync([SUP, "daemon"], { env: daemon.env, stdout: "pipe", stderr: "pipe" }).exitCode).toBe(1);
});

test("a health check that runs when the daemon is killed is ended by the next daemon, and the service is not", async () => {
  const web = {
    ...sleeper({ enabled: true }),
    health_check: {
      type: "exec",
      command: "/bin/sh",
      args: ["-c", "cd %S; (setsid sleep 987654 &); exec sleep 987654"],
      timeout: 600,
      interval: 600,
      start_period: 600,
    },
  };
  await using daemon = await startDaemon({ units: { web } });
  const checks = (): number[] => processesOf(daemon.home).flatMap(({ pid, command }) => (command === "sleep 987654" ? [pid] : []));
  await until(() => checks().length === 2, { what: "the check", explain: () => JSON.stringify(processesOf(daemon.home)) });
  const old = checks();
  const { pid } = await daemon.service("web");
  await daemon.crash();
  expect(old.every(alive)).toBe(true);
  await daemon.start();
  await until(() => !old.some(alive), { what: "the end of the check" });
  expect(alive(pid!)).toBe(true);
  expect(await daemon.service("web")).toMatchObject({ pid });
});

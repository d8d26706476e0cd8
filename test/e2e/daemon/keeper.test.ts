/** What happens while no daemon runs, after a SIGKILL, is held for the next one: last output, exits, connections, notices. */
import { expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { alive, processesOf } from "../../harness/processes.ts";
import { sleeper, type UnitFile } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

/** Waits for the file and then runs the script. */
const after = (gate: string, script: string, more: UnitFile = {}): UnitFile => ({
  command: "/bin/sh",
  args: ["-c", `echo up; while [ ! -e '${gate}' ]; do sleep 0.01; done; ${script}`],
  ...more,
});

const keepers = ({ home }: Daemon): number[] =>
  processesOf(home).flatMap(({ pid, command }) => (command.startsWith("sup-keeper") ? [pid] : []));

/** The keeper is told in a later turn of the loop than the start is answered. */
const keeps = (daemon: Daemon, ...keys: string[]): Promise<unknown> =>
  until(() => keys.every((key) => readFileSync(join(daemon.home, "run/keeper"), "latin1").includes(`\n${key} `)), {
    what: `${keys.join(", ")} to be kept`,
    explain: () => readFileSync(join(daemon.home, "run/keeper"), "latin1").replaceAll(/ +/g, " "),
  });

async function endsUnseen(daemon: Daemon, gate: string, ...units: string[]): Promise<void> {
  const pids = await Promise.all(units.map(async (unit) => (await daemon.service(unit)).pid!));
  await keeps(daemon, ...pids.map((pid) => `process ${pid}`));
  await daemon.crash();
  writeFileSync(gate, "");
  await until(() => !pids.some(alive), { what: "all to end" });
  await daemon.start();
}

test("the last output of a service and how it ended are known to the next daemon", async () => {
  await using daemon = await startDaemon();
  const gate = join(daemon.home, "gate");
  const policy = { auto_restart: false, enabled: true };
  daemon.writeUnit("seven", after(gate, "echo last words; printf unfinished; exit 7", policy));
  daemon.writeUnit("clean", after(gate, "echo done; exit 0", policy));
  daemon.writeUnit("killed", after(gate, "kill -KILL $$", policy));
  daemon.writeUnit("task", after(gate, "exit 0", { type: "oneshot", remain_after_exit: true, auto_restart: false }));
  await daemon.reaches("task", () => true);
  for (const unit of ["seven", "clean", "killed"]) await daemon.reaches(unit, "running");
  await daemon.sup("start", "--no-wait", "task");
  await daemon.reaches("task", (row) => row.pid !== null);
  await endsUnseen(daemon, gate, "seven", "clean", "killed", "task");
  expect(await daemon.reaches("seven", "failed")).toMatchObject({ reason: "exit-code", exit_code: 7 });
  expect(await daemon.reaches("clean", "stopped")).toMatchObject({ reason: "success", exit_code: 0 });
  expect(await daemon.reaches("killed", "failed")).toMatchObject({ reason: "signal" });
  expect(await daemon.reaches("task", "running")).toMatchObject({ sub_state: "exited" });
  const lines = daemon.log("seven").split("\n").map((line) => line.split(" ").slice(1).join(" ")); // prettier-ignore
  expect(lines.filter((line) => / (up|last words|unfinished)$/.test(line))).toEqual([
    "stdout F up",
    "stdout F last words",
    "stdout F unfinished",
  ]);
  expect(daemon.log("clean")).toContain("stdout F done\n");
});

test("a daemon that leaves its services alone leaves them the keeper", async () => {
  await using daemon = await startDaemon();
  const gate = join(daemon.home, "gate");
  daemon.writeUnit("web", after(gate, "echo last words; exit 7", { auto_restart: false, enabled: true }));
  const { pid } = await daemon.reaches("web", "running");
  await keeps(daemon, `process ${pid}`);
  process.kill(daemon.pid, "SIGUSR2");
  expect(await daemon.exited).toBe(0);
  writeFileSync(gate, "");
  await until(() => !alive(pid!), { what: "the service to end" });
  await daemon.start();
  expect(await daemon.reaches("web", "failed")).toMatchObject({ exit_code: 7 });
  expect(daemon.log("web")).toContain("stdout F last words\n");
});

test("a connection to a socket waits, though neither the service nor a daemon runs", async () => {
  const python = Bun.which("python3");
  if (python === null) throw new Error("this test needs python3");
  await using daemon = await startDaemon();
  const [gate, port] = [join(daemon.home, "gate"), freePort()];
  const answer = "import socket;l=socket.socket(fileno=3);c,_=l.accept();c.sendall(b'hello');c.close()";
  daemon.writeUnit("web", {
    ...after(gate, `[ -e '${gate}.2' ] && exec ${python} -c "${answer}"; touch '${gate}.2'; exit 1`),
    sockets: [{ name: "http", listen: `127.0.0.1:${port}` }],
    restart_policy: { retry_delay: 0.05 },
  });
  await daemon.reaches("web", () => true);
  await daemon.sup("start", "web");
  const { pid } = await daemon.service("web");
  await keeps(daemon, `process ${pid}`, "socket web");
  await daemon.crash();
  writeFileSync(gate, "");
  await until(() => !alive(pid!), { what: "the service to end" });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: (_, bytes) => resolve(bytes.toString()), error: (_, error) => reject(error), close: () => reject(new Error("closed")) },
  });
  await daemon.start();
  expect(await promise).toBe("hello");
});

test("READY=1 that was said while no daemon ran is heard by the next one", async () => {
  if (Bun.which("systemd-notify") === null) throw new Error("this test needs systemd-notify");
  await using daemon = await startDaemon();
  const gate = join(daemon.home, "gate");
  daemon.writeUnit("web", after(gate, `systemd-notify --ready; touch '${gate}.told'; exec sleep 1000`, { type: "notify" }));
  await daemon.reaches("web", () => true);
  await daemon.sup("start", "--no-wait", "web");
  const { pid } = await daemon.reaches("web", (row) => row.pid !== null);
  await keeps(daemon, `process ${pid}`, "notify web");
  await daemon.crash();
  writeFileSync(gate, "");
  // systemd-notify waits until it was heard (BARRIER=1), so nothing but the next daemon lets it end.
  await daemon.start();
  expect(await daemon.reaches("web", "running")).toMatchObject({ pid, restart_count: 0 });
});

test("a keeper that is killed is replaced, and there is one at a time", async () => {
  await using daemon = await startDaemon({ units: { one: sleeper({ enabled: true }) } });
  const { pid } = await daemon.reaches("one", "running");
  await keeps(daemon, `process ${pid}`);
  const [first] = await until(() => (keepers(daemon).length === 1 ? keepers(daemon) : null), { what: "the keeper" });
  process.kill(first!, "SIGKILL");
  daemon.writeUnit("two", sleeper({ enabled: true }));
  const two = await daemon.reaches("two", "running");
  await keeps(daemon, `process ${pid}`, `process ${two.pid}`);
  await until(() => keepers(daemon).length === 1 && keepers(daemon)[0] !== first, { what: "another keeper" });
  await daemon.crash();
  process.kill(pid!, "SIGTERM");
  await until(() => !alive(pid!), { what: "the service to end" });
  await daemon.start();
  expect(await daemon.reaches("one", (row) => row.reason === "success" || row.restart_count > 0)).toMatchObject({ id: "one" });
  expect(
    ((await daemon.json("events", "one")) as Array<{ type: string; message: string }>).map(({ message }) => message).join("\n"),
  ).toContain("SIGTERM");
  await until(() => keepers(daemon).length === 1, { what: "the old keeper to be gone" });
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  await until(() => keepers(daemon).length === 1 && !keepers(daemon).includes(first!), { what: "one keeper after the renewal" });
  await daemon.stop();
  expect(keepers(daemon)).toEqual([]);
});

test("a keeper that nobody will come for ends with the runtime directory", async () => {
  await using daemon = await startDaemon({ units: { one: sleeper({ enabled: true }) } });
  const { pid } = await daemon.reaches("one", "running");
  await keeps(daemon, `process ${pid}`);
  await daemon.crash();
  process.kill(pid!, "SIGKILL");
  await until(() => !alive(pid!), { what: "the service to end" });
  await until(() => keepers(daemon).length === 1, { what: "the keeper" });
  rmSync(join(daemon.home, "run"), { recursive: true });
  await until(() => keepers(daemon).length === 0, { what: "the keeper to end" });
});

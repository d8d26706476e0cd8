/** Sockets that the daemon holds: connections wait while the service is away, and none is refused. */
import { expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { until } from "../../harness/until.ts";

const python = Bun.which("python3");
const withPython = test.if(python !== null);

/** Answers every request with its pid, on the descriptor it was given; ends at SIGTERM when it has answered what it took. */
const SERVER = `
import os, signal, socket, sys
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
print(os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"], os.environ["LISTEN_PID"] == str(os.getpid()), flush=True)
listener = socket.socket(fileno=3)
listener.settimeout(0.05)
while not stop:
    try:
        client, _ = listener.accept()
    except TimeoutError:
        continue
    client.settimeout(5)
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s" % (len(str(os.getpid())), str(os.getpid()).encode()))
    client.close()
`;

// In a unit's strings a percent sign is written twice.
const server = (listen: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  enabled: true,
  command: python ?? "python3",
  args: ["-c", SERVER.replaceAll("%", "%%")],
  sockets: [{ name: "http", listen }],
  ...more,
});

/** Asks again and again until told to stop; every answer and every failure counts. */
function hammer(port: number): { readonly answers: readonly string[]; stop(): Promise<{ answers: string[]; failures: string[] }> } {
  const answers: string[] = [];
  const failures: string[] = [];
  let going = true;
  const ask = async (): Promise<void> => {
    while (going) {
      try {
        answers.push(await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text());
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const clients = [ask(), ask(), ask(), ask()];
  return {
    answers,
    stop: async () => {
      going = false;
      await Promise.all(clients);
      return { answers, failures };
    },
  };
}

const pidBehind = async (port: number): Promise<number> =>
  Number(await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text());

withPython("the descriptor comes as number 3 with the variables of the protocol", async () => {
  const port = freePort();
  await using daemon = await startDaemon({ units: { web: server(`127.0.0.1:\${PORT}`, { port }) } });
  const { pid } = await daemon.reaches("web", "running");
  expect(await pidBehind(port)).toBe(pid!);
  await until(() => daemon.log("web").includes(" F 1 http True\n"), { what: "what it printed" });
});

withPython("a socket is blocking unless its unit file says otherwise, also after a change of the file", async () => {
  const port = freePort();
  const unit = (nonBlocking: boolean): Record<string, unknown> => ({
    ...{ enabled: true, command: python ?? "python3" },
    args: ["-c", 'import os, time; print("blocking", os.get_blocking(3), flush=True); time.sleep(1000)'],
    sockets: [{ name: "http", listen: `127.0.0.1:${port}`, non_blocking: nonBlocking }],
  });
  await using daemon = await startDaemon({ units: { web: unit(false) } });
  await until(() => daemon.log("web").includes("blocking True"), { what: "a blocking socket" });
  daemon.writeUnit("web", unit(true));
  await daemon.sup("reload");
  await until(() => daemon.log("web").includes("blocking False"), { what: "a non-blocking socket" });
});

withPython(
  "no request is refused through ten restarts, a crash of the service, and five renewals of sup",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon({ units: { web: server(`127.0.0.1:${port}`, { restart_policy: { retry_delay: 0 } }) } });
    await daemon.reaches("web", "running");
    await until(() => pidBehind(port), { what: "the service to answer" });
    const load = hammer(port);
    for (let i = 0; i < 10; i++) {
      const { pid } = await daemon.service("web");
      await until(() => load.answers.includes(String(pid)), { what: "an answer of this run" });
      expect((await daemon.sup("restart", "web")).code).toBe(0);
      if (i % 2 === 0) expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    }
    const { answers, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(new Set(answers).size).toBeGreaterThanOrEqual(10);
  },
  60_000,
);

withPython("after a SIGKILL of sup the next daemon has the socket again, from the service that lives or made anew", async () => {
  const [port, other] = [freePort(), freePort()];
  const waits = server(`127.0.0.1:${other}`, { restart_policy: { retry_delay: 1000, max_backoff: 1000 } });
  await using daemon = await startDaemon({ units: { web: server(`127.0.0.1:${port}`), waits } });
  const { pid } = await daemon.reaches("web", "running");
  const gone = await daemon.reaches("waits", "running");
  process.kill(gone.pid!, "SIGKILL");
  await daemon.reaches("waits", "backoff");
  await daemon.crash();
  expect(await pidBehind(port)).toBe(pid!); // the service goes on
  await daemon.start();
  expect((await daemon.service("web")).pid).toBe(pid);
  await connects(other); // nobody serves it, but it is not refused
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  expect(await pidBehind(port)).not.toBe(pid!);
});

withPython(
  "a stopped unit refuses; a unix socket's file goes with it; a taken address is a failed start that says who has it",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon({
      units: { web: server("%S/web.sock"), late: server(`127.0.0.1:${port}`, { enabled: false, auto_restart: false }) },
    });
    await daemon.reaches("web", "running");
    const path = join(daemon.home, "state/web.sock");
    await until(() => answersOn(path), { what: "the unix socket to answer" });
    await daemon.sup("stop", "web");
    expect(existsSync(path)).toBe(false);
    const taken = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const { code, stderr } = await daemon.sup("start", "late");
    taken.stop(true);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot listen on 127.0.0.1:${port}: address already in use (EADDRINUSE), by`);
    expect((await daemon.sup("start", "late")).code).toBe(0);
    await daemon.sup("stop", "late");
    expect(
      await connects(port).then(
        () => "connected",
        () => "refused",
      ),
    ).toBe("refused");
  },
);

test("as many sockets as a unit may have, over a restart, a re-execution and a crash of the daemon; one more is refused with the number", async () => {
  await using daemon = await startDaemon();
  const sockets = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `s${i}`, listen: `%S/s${i}` }));
  const unit = (count: number) => ({
    command: "/bin/sh",
    args: ["-c", "echo $LISTEN_FDS; ls -l /proc/self/fd | grep -c socket:; exec sleep 1000"],
    sockets: sockets(count),
    enabled: true,
  });
  daemon.writeUnit("web", unit(128));
  const said = (times: number): Promise<unknown> =>
    until(() => daemon.log("web").match(/ F 128$/gm)?.length === 2 * times, {
      what: `${times} runs with all sockets`,
      explain: () => daemon.log("web"),
    });
  await said(1);
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  await said(2);
  await daemon.crash();
  await daemon.start();
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  await said(3);
  daemon.writeUnit("web", unit(129));
  const { code, stderr } = await daemon.sup("verify", "web");
  expect(stderr).toContain("a unit can have at most 128 sockets, not 129");
  expect(code).toBe(1);
});

const answersOn = async (path: string): Promise<boolean> => (await fetch("http://web/", { unix: path, keepalive: false })).ok;

async function connects(port: number): Promise<void> {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  socket.end();
}

withPython(
  "a unix socket whose file was deleted or replaced is bound again at the next start, also after a crash of the daemon",
  async () => {
    await using daemon = await startDaemon();
    const path = join(daemon.home, "web.sock");
    daemon.writeUnit("web", { command: python!, args: ["-c", SERVER.replaceAll("%", "%%")], sockets: [{ name: "http", listen: path }] });
    await daemon.reaches("web", "stopped");
    expect((await daemon.sup("start", "web")).code).toBe(0);
    const answers = async (): Promise<string> => (await fetch("http://web/", { unix: path })).text();
    const pid = async (): Promise<string> => String((await daemon.service("web")).pid);
    for (const ruin of [
      async () => rmSync(path),
      async () => {
        rmSync(path);
        writeFileSync(path, "");
        rmSync(path);
        Bun.listen({ unix: path, socket: { data() {} } }).stop(true);
      },
      async () => {
        rmSync(path);
        await daemon.crash();
        await daemon.start();
      },
    ]) {
      await ruin();
      expect((await daemon.sup("restart", "web")).code).toBe(0);
      expect(await answers()).toBe(await pid());
    }
  },
);

withPython(
  "the units of a service share one listener, which stays open as long as one of them runs",
  async () => {
    const port = freePort();
    const unit = server(`127.0.0.1:${port}`, { port, instances: 2 });
    await using daemon = await startDaemon({ units: { web: unit } });
    const pids = await Promise.all(["web@1", "web@2"].map(async (id) => (await daemon.reaches(id, "running")).pid));
    const load = hammer(port);
    await until(() => pids.every((pid) => load.answers.includes(String(pid))), { what: "answers of both units" });
    await daemon.sup("stop", "web@1");
    await daemon.sup("start", "web@1");
    await daemon.sup("scale", "web", "3");
    await daemon.sup("scale", "web", "1");
    await daemon.crash();
    await daemon.start();
    await daemon.sup("scale", "web", "2");
    await daemon.sup("stop", "web@1");
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    const { answers, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answers.length).toBeGreaterThan(10);
    await daemon.sup("stop", "web");
    expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  },
  60_000,
);

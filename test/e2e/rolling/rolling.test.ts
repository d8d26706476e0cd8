/** Rolling restarts: requests under load, failures that leave the old units alone, and interruptions of the daemon. */
import { expect, test } from "bun:test";
import { mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { RolloutStatus } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { typesOf } from "../../harness/history.ts";
import { freePort } from "../../harness/ports.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const python = Bun.which("python3");
const withPython = test.if(python !== null);

/**
 * Accepts connections on the shared listener, and answers with its pid. It is ready when it accepts, and at SIGTERM it ends after the
 * request that it has taken.
 */
const SERVER = `
import os, signal, socket, sys
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
if os.path.exists("BROKEN"):
    print("cannot start", file=sys.stderr)
    sys.exit(3)
listener = socket.socket(fileno=3)
listener.settimeout(0.05)
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ["NOTIFY_SOCKET"]
ready.connect("\\0" + address[1:] if address[0] == "@" else address)
ready.send(b"READY=1")
body = b"%d %s" % (os.getpid(), os.environ["SUP_GENERATION"].encode())
while not stop:
    try:
        client, _ = listener.accept()
    except TimeoutError:
        continue
    client.settimeout(5)
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s" % (len(body), body))
    client.close()
`;

const server = (port: number, home: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...{ enabled: true, type: "notify", command: python ?? "python3", instances: 1 },
  args: ["-c", SERVER.replace("BROKEN", join(home, "broken")).replaceAll("%", "%%")],
  sockets: [{ name: "http", listen: `127.0.0.1:${port}` }],
  rolling: { min_healthy_time: 0.1 },
  restart_policy: { retry_delay: 0.2 },
  ...more,
});

/** Sends requests until it is stopped. Every answer and every failure counts. */
function load(port: number): { readonly answers: string[]; stop(): Promise<string[]> } {
  const [answers, failures]: [string[], string[]] = [[], []];
  let going = true;
  const client = async (): Promise<void> => {
    while (going) {
      try {
        answers.push(await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text());
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const clients = Array.from({ length: 4 }, client);
  const stop = async (): Promise<string[]> => {
    going = false;
    await Promise.all(clients);
    return failures;
  };
  return { answers, stop };
}

const rolloutOf = async (daemon: Daemon): Promise<RolloutStatus> =>
  ((await (await daemon.api("/api/supervisor/services/web/rollout")).json()) as { rollout: RolloutStatus }).rollout;

const pidsOf = async (daemon: Daemon, ...ids: string[]): Promise<number[]> =>
  Promise.all(ids.map(async (id) => (await daemon.reaches(id, "running")).pid!));

withPython(
  "no request fails during rolling restarts of one and of four units, and the additional unit leaves",
  async () => {
    await using daemon = await startDaemon();
    for (const [instances, times] of [[1, 20] as const, [4, 5] as const]) {
      const port = freePort();
      const ids = Array.from({ length: instances }, (_, i) => `web@${i + 1}`);
      daemon.writeUnit("web", server(port, daemon.home, { instances }));
      await daemon.sup("reload");
      const before = await pidsOf(daemon, ...ids);
      const clients = load(port);
      for (let i = 0; i < times; i++) expect((await daemon.sup("rolling-restart", "web")).code).toBe(0);
      expect(await clients.stop()).toEqual([]);
      expect(clients.answers.length).toBeGreaterThan(100);
      const after = await pidsOf(daemon, ...ids);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      const units = ((await daemon.json("status")) as { services: Array<{ id: string }> }).services;
      expect(units.map(({ id }) => id)).toEqual(ids);
      daemon.removeUnit("web");
      await daemon.sup("reload");
    }
  },
  180_000,
);

withPython("units get the number of the rollout; a dry run only lists the steps", async () => {
  const port = freePort();
  await using daemon = await startDaemon();
  daemon.writeUnit("web", server(port, daemon.home, { instances: 2 }));
  await pidsOf(daemon, "web@1", "web@2");
  const ask = async (): Promise<string> => (await (await fetch(`http://127.0.0.1:${port}/`)).text()).split(" ")[1]!;
  expect(await ask()).toBe("0");
  expect((await daemon.sup("rolling-restart", "web", "--dry-run")).stdout).toMatch(
    /^would start web@3, an additional unit\nwould restart web@[12]\nwould restart web@[12]\nwould stop and remove web@3\n$/,
  );
  expect((await daemon.sup("rollout", "status", "web")).code).toBe(1);
  expect((await daemon.sup("rolling-restart", "web")).stdout).toContain("web: rollout 1 is done, 2 of 2 units restarted");
  expect(await ask()).toBe("1");
  expect((await daemon.sup("scale", "web", "3")).code).toBe(0);
  expect((await daemon.json("rollout", "status", "web")) as RolloutStatus).toMatchObject({ generation: 1, state: "done" });
  await daemon.crash();
  await daemon.start();
  expect((await rolloutOf(daemon)).state).toBe("done");
  expect(await typesOf(daemon, "web")).toEqual(expect.arrayContaining(["rollout-started", "rollout-done"]));
});

withPython("a new unit that fails ends the rollout: no request fails, the old units stay as they are, and the cause is named", async () => {
  const port = freePort();
  await using daemon = await startDaemon();
  daemon.writeUnit("web", server(port, daemon.home, { instances: 2 }));
  const before = await pidsOf(daemon, "web@1", "web@2");
  const clients = load(port);
  writeFileSync(join(daemon.home, "broken"), "");
  const { code, stdout } = await daemon.sup("rolling-restart", "web");
  expect(code).toBe(1);
  expect(stdout).toContain("web@3: exit code 3");
  expect(await clients.stop()).toEqual([]);
  expect(await pidsOf(daemon, "web@1", "web@2")).toEqual(before);
  await until(async () => (await rolloutOf(daemon)).units.every(({ additional, phase }) => !additional || phase === "gone"), {
    what: "the additional unit to leave",
  });
  rmSync(join(daemon.home, "broken"));
  expect((await daemon.sup("rolling-restart", "web")).code).toBe(0);
});

withPython(
  "SIGKILL and re-exec of sup at ten moments of a rollout: no request fails, and the rollout ends",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon();
    daemon.writeUnit("web", server(port, daemon.home, { instances: 2, rolling: { min_healthy_time: 0.3 } }));
    await pidsOf(daemon, "web@1", "web@2");
    const clients = load(port);
    for (let moment = 0; moment < 10; moment++) {
      expect((await daemon.sup("rolling-restart", "web", "--no-wait")).code).toBe(0);
      const wanted = Math.floor(moment / 2);
      // The moments are steps of the rollout: its begin, the additional unit, the first member, the second, the end.
      const reached = (rollout: RolloutStatus): boolean =>
        rollout.units.filter(({ phase }) => phase === "new").length + Number(rollout.units.some(({ phase }) => phase === "starting")) >=
        wanted;
      await until(async () => !(await rolloutOf(daemon)).active || reached(await rolloutOf(daemon)), { what: "the moment" });
      if (moment % 2 === 0) {
        await daemon.crash();
        await daemon.start();
      } else expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
      await until(async () => !(await rolloutOf(daemon)).active, {
        what: "the end",
        explain: async () => JSON.stringify(await rolloutOf(daemon)),
      });
      expect(await rolloutOf(daemon)).toMatchObject({ state: "done", generation: moment + 1, restarted: 2 });
    }
    expect(await clients.stop()).toEqual([]);
  },
  180_000,
);

withPython("a reload of a changed file restarts the units one after the other if the file has `rolling`", async () => {
  const port = freePort();
  await using daemon = await startDaemon();
  const file = server(port, daemon.home, { instances: 2 });
  daemon.writeUnit("web", file);
  const before = await pidsOf(daemon, "web@1", "web@2");
  const clients = load(port);
  daemon.writeUnit("web", { ...file, environment: { VERSION: "2" } });
  expect((await daemon.sup("reload", "--dry-run")).stdout).toContain(
    "its file has changed (environment.VERSION): a rolling restart applies the change",
  );
  expect((await daemon.sup("reload")).code).toBe(0);
  await until(async () => (await rolloutOf(daemon)).state === "done", { what: "the rollout" });
  expect(await clients.stop()).toEqual([]);
  const after = await pidsOf(daemon, "web@1", "web@2");
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);

  // A broken version: the old units go on, and the version before is in force again, also for later starts and daemons.
  daemon.writeUnit("web", { ...file, environment: { VERSION: "3" }, args: ["-c", "raise SystemExit(4)"] });
  await daemon.sup("reload");
  await until(async () => (await rolloutOf(daemon)).state === "failed", { what: "the failure" });
  expect(await pidsOf(daemon, "web@1", "web@2")).toEqual(after);
  const isNotInForce = expect.stringMatching(/file on disk is not in force: its rollout 2 failed .*exit code 4.*`sup reload` tries again/);
  for (const command of [["status"], ["why"]]) expect((await daemon.sup(...command, "web@1")).stdout).toEqual(isNotInForce);
  expect((await daemon.sup("verify", "web")).stderr).toContain("not in force");
  process.kill(after[0]!, "SIGKILL");
  const revived = (await daemon.reaches("web@1", ({ state, pid }) => state === "running" && pid !== after[0])).pid!;
  await daemon.crash();
  await daemon.start();
  expect(await daemon.sup("restart", "web@2")).toMatchObject({ code: 0 });
  expect(await pidsOf(daemon, "web@1")).toEqual([revived]);
  expect((await daemon.sup("status", "web@2")).stdout).toEqual(isNotInForce);

  daemon.writeUnit("web", file);
  await daemon.sup("reload");
  await until(async () => (await rolloutOf(daemon)).state === "done", { what: "the repair" });
  expect((await daemon.sup("status", "web@1")).stdout).not.toContain("not in force");
});

withPython("a canary waits for a decision; a rollback returns to the old version in the directory that it had", async () => {
  const port = freePort();
  await using daemon = await startDaemon();
  for (const release of ["r1", "r2"]) mkdirSync(join(daemon.home, release));
  symlinkSync(join(daemon.home, "r1"), join(daemon.home, "current"));
  const rolling = { min_healthy_time: 0.1, canary: 1, max_surge: 0, max_unavailable: 1 };
  const file = server(port, daemon.home, { instances: 2, rolling, working_directory: join(daemon.home, "current") });
  daemon.writeUnit("web", file);
  await pidsOf(daemon, "web@1", "web@2");
  const release = async (id: string): Promise<string> => basename(readlinkSync(`/proc/${(await pidsOf(daemon, id))[0]}/cwd`));

  rmSync(join(daemon.home, "current"));
  symlinkSync(join(daemon.home, "r2"), join(daemon.home, "current"));
  daemon.writeUnit("web", { ...file, environment: { VERSION: "2" } });
  await daemon.sup("reload");
  await until(async () => (await rolloutOf(daemon)).awaits_promotion, { what: "the canary" });
  expect([await release("web@1"), await release("web@2")].toSorted()).toEqual(["r1", "r2"]);
  expect((await daemon.sup("rollout", "resume", "web")).stderr).toContain("it waits for a decision");
  await daemon.crash();
  await daemon.start();
  const { code, stdout } = await daemon.sup("rollout", "rollback", "web");
  expect([code, stdout]).toEqual([0, expect.stringContaining("rollout 1 is cancelled")]);
  expect([await release("web@1"), await release("web@2")]).toEqual(["r1", "r1"]);
  expect((await daemon.sup("rollout", "promote", "web")).stderr).toContain("cannot promote rollout 1 of web: it is cancelled");

  await daemon.sup("reload");
  await until(async () => (await rolloutOf(daemon)).awaits_promotion, { what: "the next canary" });
  expect((await daemon.sup("rollout", "promote", "web")).stdout).toContain("rollout 2 is done, 2 of 2");
  expect([await release("web@1"), await release("web@2")]).toEqual(["r2", "r2"]);
});

withPython("a drain begins with its signal, and the exit of the unit ends it", async () => {
  await using daemon = await startDaemon();
  const script = "trap 'echo draining; sleep 0.2; exit 0' USR1; trap 'echo stopped; exit 0' TERM; echo up; while :; do sleep 0.05; done";
  const rolling = { min_healthy_time: 0, drain: { signal: "SIGUSR1", timeout: 60 } };
  const unit = { enabled: true, command: "/bin/sh", args: ["-c", script], instances: 1, ready_log: "up", rolling };
  daemon.writeUnit("web", { ...unit, graceful_shutdown: { kill_mode: "process" } });
  await pidsOf(daemon, "web@1");
  expect((await daemon.sup("rolling-restart", "web")).code).toBe(0);
  const log = (await daemon.sup("logs", "web@1")).stdout;
  expect(log).toContain("draining");
  expect(log).not.toContain("stopped");
  expect(await typesOf(daemon, "web@1")).toEqual(expect.arrayContaining(["draining", "exited"]));
});

test("pause, resume, cancel and a newer rollout", async () => {
  await using daemon = await startDaemon({
    units: { web: sleeper({ enabled: true, instances: 2, rolling: { min_healthy_time: 0.2 } }), db: sleeper({ enabled: true }) },
  });
  await pidsOf(daemon, "web@1", "web@2");
  await daemon.sup("rolling-restart", "web", "--no-wait");
  expect((await daemon.sup("rollout", "pause", "web")).stdout).toContain("rollout 1 is paused");
  expect((await daemon.sup("scale", "web", "3")).stderr).toContain("its rollout 1 is paused");
  expect((await daemon.sup("rollout", "pause", "web")).stderr).toContain("cannot pause rollout 1 of web: it is paused");
  expect((await daemon.sup("rollout", "resume", "web")).stdout).toContain("rollout 1 is done");
  await daemon.sup("rolling-restart", "web", "--no-wait");
  expect((await daemon.sup("rollout", "cancel", "web")).stdout).toContain("rollout 2 is cancelled");
  await daemon.sup("rolling-restart", "web", "--no-wait");
  expect((await daemon.sup("rolling-restart", "web")).stdout).toContain("rollout 4 is done");
  for (const [name, words] of [
    ["db", 'its unit file has no "rolling"'],
    ["web@1", "it is one unit of web"],
    ["nobody", "there is no unit nobody"],
  ] as const)
    expect((await daemon.sup("rolling-restart", name)).stderr).toContain(words);
  await daemon.sup("stop", "web");
  expect((await daemon.sup("rolling-restart", "web")).stderr).toContain("none of its units runs");
  expect((await daemon.sup("rollout", "undo", "web")).code).toBe(2);
});

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { Roles } from "../../src/cli/roles.ts";
import { FakeDaemon, sup } from "./fake.ts";
import { aService, daemonInfo } from "./fixtures.ts";

const overview = { status: () => ({ daemon: daemonInfo, services: [aService("web")] }), healthz: () => ({ status: "ok" }) };

describe("daemon start", () => {
  test("does nothing if the daemon is already running", async () => {
    await using daemon = new FakeDaemon(overview);
    expect(await sup(daemon, ["daemon", "start"])).toEqual({
      code: 0,
      out: "sup daemon: already running (pid 4242), web page and API at http://127.0.0.1:7870\n",
      err: "",
    });
  });

  test("starts this program again and waits until it answers", async () => {
    await using home = new FakeDaemon(null);
    await using daemon = new FakeDaemon(overview);
    const started: unknown[] = [];
    const { symlinkSync } = await import("node:fs");
    const detach = (args: readonly string[], output: string) => {
      started.push(args, output);
      symlinkSync(daemon.socket, home.socket); // from now on the daemon answers
      return { pid: 4242, exited: new Promise<number>(() => {}) };
    };
    const outcome = await sup(home, ["daemon", "start", "--units", "/u"], { host: { detach } });
    expect(outcome).toEqual({ code: 0, out: "sup daemon: started (pid 4242), web page and API at http://127.0.0.1:7870\n", err: "" });
    expect(started).toEqual([["daemon", "--background", "--units", "/u"], `${home.home}/run/start.log`]);
  });

  const dying = (text: string) => (_: readonly string[], output: string) => {
    writeFileSync(output, text);
    return { pid: 1, exited: Promise.resolve(1) };
  };

  test("if the daemon exits, shows the end of its output", async () => {
    await using home = new FakeDaemon(null);
    const outcome = await sup(home, ["daemon", "start"], { host: { detach: dying("sup: cannot lock: \x1b[31mheld\n") } });
    expect(outcome.code).toBe(1);
    expect(outcome.err).toStartWith("sup: cannot start the daemon: it exited with code 1\n  sup: cannot lock: held\n");
  });

  test("if the daemon exits without output, shows the end of its log", async () => {
    await using home = new FakeDaemon(null);
    mkdirSync(`${home.home}/logs`);
    writeFileSync(`${home.home}/logs/sup.log`, "the disk is gone\n");
    const outcome = await sup(home, ["daemon", "start", "--json"], { host: { detach: dying("") } });
    expect(JSON.parse(outcome.out)).toEqual({
      error: { code: "failed", message: expect.stringContaining("the disk is gone"), hint: expect.any(String) },
    });
  });

  test("gives up on a daemon that neither answers nor exits", async () => {
    await using home = new FakeDaemon(null);
    let now = 0;
    const host = { now: () => (now += 10_000), sleep: async () => {}, detach: () => ({ pid: 77, exited: new Promise<number>(() => {}) }) };
    const outcome = await sup(home, ["daemon", "start"], { host });
    expect(outcome.code).toBe(1);
    expect(outcome.err).toMatch(/cannot tell whether the daemon started: process 77 did not answer on .*sup\.sock within 60 s/);
  });

  test("works only on this machine", async () => {
    await using home = new FakeDaemon(null);
    expect(await sup(home, ["daemon", "start", "--url", "http://x"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/another machine/),
    });
  });
});

describe("daemon stop", () => {
  const ending = { ...overview, shutdown: () => ({ status: "stopping" }) };

  test("waits until the daemon has released the lock of its state directory", async () => {
    await using daemon = new FakeDaemon(ending);
    let looks = 0;
    const outcome = await sup(daemon, ["daemon", "stop"], {
      host: { isLocked: (path) => path.endsWith("/state/lock") && ++looks < 4, sleep: async () => {} },
    });
    expect(looks).toBe(4);
    expect(outcome).toEqual({ code: 0, out: "sup daemon: stopped (pid 4242) in 0ms\n", err: "" });
  });

  test("--no-wait returns immediately", async () => {
    await using daemon = new FakeDaemon(ending);
    const outcome = await sup(daemon, ["daemon", "stop", "--no-wait"], { host: { isLocked: () => true } });
    expect(outcome).toMatchObject({ code: 0, out: expect.stringMatching(/^sup daemon: stopping; see .*sup\.log\n$/) });
  });
});

test("daemon status shows where everything is", async () => {
  await using daemon = new FakeDaemon(overview);
  const { out, code } = await sup(daemon, ["daemon", "status"]);
  expect(code).toBe(0);
  for (const fact of ["PID: 4242", "Units: 1, from /srv/units", "Socket: /srv/run/sup.sock", "Page and API: http://127.0.0.1:7870"])
    expect(out).toContain(fact);
});

describe("roles", () => {
  test.each([
    ["daemon", true],
    ["daemon --background", false],
  ])("`sup %s` runs the daemon", async (argv, foreground) => {
    const given: Parameters<Roles["daemon"]>[0][] = [];
    const daemon: Roles["daemon"] = async (options) => (given.push(options), 7);
    const { code } = await sup({ home: "/tmp/sup-none" }, [...argv.split(" "), "--units", "/u"], { roles: { daemon } });
    expect(code).toBe(7);
    expect(given).toEqual([
      { foreground, leavesDirectory: true, version: "1.2.3", places: expect.objectContaining({ unitPath: ["/u"], mode: "portable" }) },
    ]);
  });

  test("`sup up DIR` merges the output of the directory's units", async () => {
    await using home = new FakeDaemon(null);
    const up: Roles["up"] = async ({ places, expect: make, line, say }) => {
      expect(places.unitPath).toEqual([home.home]);
      make(["web", "worker"]);
      say("web", "running (pid 1)");
      line("worker", { time: "2026-11-22T20:00:00Z", stream: "stdout", full: true, text: "hi" });
      say(null, "stopping all");
      return 0;
    };
    expect(await sup(home, ["up", home.home], { roles: { up } })).toEqual({
      code: 0,
      out: "sup    | web: running (pid 1)\nworker | hi\nsup    | stopping all\n",
      err: "",
    });
  });
});

test("a refusal of the operating system about a path is reported as such, and not as a bug in sup", async () => {
  const detach = (_args: readonly string[], output: string): never => {
    throw Object.assign(new Error("ENOTDIR"), { code: "ENOTDIR", errno: -20, syscall: "mkdir", path: output });
  };
  await using home = new FakeDaemon(null);
  const { code, err } = await sup(home, ["daemon", "start"], { host: { detach } });
  expect(code).toBe(1);
  expect(err).toMatch(/^sup: cannot run `sup daemon`: mkdir \S+\/start\.log: not a directory \(ENOTDIR\)\n$/);
});

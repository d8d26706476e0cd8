import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Service } from "../../src/api/contract/shapes.ts";
import type { Host } from "../../src/cli/host.ts";
import { FakeDaemon, sup, type Answers, type Outcome } from "./fake.ts";
import { aService, daemonInfo } from "./fixtures.ts";

/** A supervisord with some programs, a daemon that loads every unit file that is written, and what was done to both. */
class Scene implements AsyncDisposable {
  readonly daemon: FakeDaemon;
  readonly calls: string[] = [];
  readonly states: Record<string, string>;
  /** Units whose start fails. */
  readonly bad = new Set<string>();
  /** Units that cannot be stopped. */
  readonly stuck = new Set<string>();
  readonly up = new Set<string>();
  /** Process groups in which a process is left. */
  survivors = "";

  constructor(states: Record<string, string>, config = defaultConfig(Object.keys(states))) {
    this.states = states;
    const answers: Answers = {
      status: () => ({
        daemon: { ...daemonInfo, unit_path: [this.path("units")], state_dir: this.daemon.home },
        services: this.services(),
      }),
      jobs: ({ body }) => this.job(body.action as string, body.units as string[]),
    };
    this.daemon = new FakeDaemon(answers);
    mkdirSync(this.path("units"));
    writeFileSync(this.path("s.conf"), config);
  }

  path = (name: string): string => join(this.daemon.home, name);
  has = (name: string): boolean => existsSync(this.path(`units/${name}.unit.json`));

  services(): Service[] {
    return Object.keys(this.states)
      .map((name) => name.replace(/^.*:/, ""))
      .filter((name) => this.has(name))
      .map((id) => aService(id, { state: this.up.has(id) ? "running" : "stopped", file: this.path(`units/${id}.unit.json`) }));
  }

  job(action: string, [id = ""]: readonly string[]) {
    this.calls.push(`sup ${action} ${id}`);
    const failed = (action === "start" && this.bad.has(id)) || (action === "stop" && this.stuck.has(id));
    if (action === "start") this.up.add(id);
    if (action === "stop" && !failed) this.up.delete(id);
    return { outcomes: [{ id, result: failed ? "failed" : "done", state: "stopped", message: failed ? "exit code 7" : "" }], warnings: [] };
  }

  ask: Host["ask"] = async (command) => {
    if (command[0] === "sh") return { code: 0, stdout: this.survivors, stderr: "" };
    const [, , , action = "", ...targets] = command;
    if (action !== "status") this.calls.push(`supervisorctl ${action} ${targets.join(" ")}`);
    for (const target of targets) this.states[target] = action === "stop" ? "STOPPED" : "RUNNING";
    const lines = Object.entries(this.states).map(
      ([name, state]) => `${name}   ${state}   ${state === "RUNNING" ? "pid 12, uptime 0:00:03" : ""}`,
    );
    return { code: action === "status" ? 3 : 0, stdout: lines.join("\n"), stderr: "" };
  };

  migrate(args: readonly string[], host: Partial<Host> = {}): Promise<Outcome> {
    const quick = { ask: this.ask, sleep: async () => {}, ...host };
    return sup(this.daemon, ["migrate", "supervisord", "--config", this.path("s.conf"), ...args], { host: quick, env: { NO_COLOR: "1" } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
  }
}

const defaultConfig = (names: readonly string[]): string => names.map((name) => `[program:${name}]\ncommand=/bin/${name}\n`).join("");

const resultsOf = (out: string): unknown =>
  Object.fromEntries(
    (JSON.parse(out) as { programs: Array<{ name: string; result: string }> }).programs.map(({ name, result }) => [name, result]),
  );

describe("the plan", () => {
  test("changes nothing without a terminal, and with --dry-run", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    for (const args of [[], ["--dry-run", "--yes"], ["--json"]]) {
      const { code, out } = await scene.migrate(args);
      expect(code).toBe(0);
      expect(out).toContain("web");
    }
    expect([scene.calls, scene.has("web")]).toEqual([[], false]);
  });

  test("on a terminal, only the key y carries it out", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    const press = (key: string): Partial<Host> => ({ isTerminal: () => true, keys: (onKey) => (onKey(key), () => {}) });
    expect((await scene.migrate([], press("\r"))).out).toContain("Nothing was changed");
    expect(scene.calls).toEqual([]);
    expect((await scene.migrate([], press("y"))).out).toContain("web  moved: runs in sup as web");
    expect(scene.calls).toEqual(["supervisorctl stop web", "sup start web", "sup enable web"]);
  });

  test("--only selects programs; an unknown name is an error that lists the others", async () => {
    await using scene = new Scene({ web: "RUNNING", db: "RUNNING" });
    expect((await scene.migrate(["--only", "wbe"])).err).toContain("supervisord has no program wbe\n  there are web, db");
    const { code, out } = await scene.migrate(["--yes", "--only", "db"]);
    expect(code).toBe(0);
    expect(out).not.toContain("No program of supervisord is left");
    expect(scene.calls).toEqual(["supervisorctl stop db", "sup start db", "sup enable db"]);
  });

  test("a unit file that was not made from the program, or that has unapplied changes, blocks it", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    writeFileSync(scene.path("units/web.unit.json"), "{}");
    const { code, out } = await scene.migrate(["--yes"]);
    expect(code).toBe(1);
    expect(out).toContain("units/web.unit.json exists already and was not made from this program");
    expect(readFileSync(scene.path("units/web.unit.json"), "utf8")).toBe("{}");
    expect(scene.calls).toEqual([]);
  });

  test("a program that runs on both sides, and one that cannot be imported, are blocked", async () => {
    const config = `${defaultConfig(["web"])}[eventlistener:mail]\ncommand=/bin/mail\n`;
    await using scene = new Scene({ web: "RUNNING", mail: "RUNNING" }, config);
    expect((await scene.migrate(["--yes"])).code).toBe(1);
    expect(scene.calls).toEqual(["supervisorctl stop web", "sup start web", "sup enable web"]);
    scene.states.web = "RUNNING";
    const { out } = await scene.migrate(["--yes"]);
    expect(out).toContain("web  cannot move: it runs in supervisord and in sup");
    expect(out).toContain("mail  cannot move: mail cannot be imported");
    expect(scene.calls).toHaveLength(3);
  });
});

describe("a step", () => {
  test("writes a disabled unit before it stops anything, and enables the unit at the end", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    await scene.migrate(["--yes"]);
    expect(readFileSync(scene.path("units/web.unit.json"), "utf8")).toContain('"enabled": false');
    expect(existsSync(scene.path("migrate-supervisord.json"))).toBe(false);
  });

  test("a program that does not start here is stopped here before it is started there", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    scene.bad.add("web");
    const { code, out } = await scene.migrate(["--yes"]);
    expect(code).toBe(1);
    expect(out).toContain("web  put back: web: exit code 7; it runs in supervisord again");
    expect(out).toContain(`web still runs in supervisord: fix ${scene.path("units/web.unit.json")}`);
    expect(scene.calls).toEqual(["supervisorctl stop web", "sup start web", "sup stop web", "supervisorctl start web"]);
  });

  test("a program that can neither run nor be stopped here is not started there", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    scene.bad.add("web");
    scene.stuck.add("web");
    expect((await scene.migrate(["--yes"])).out).toContain("it cannot be stopped here (web: exit code 7), so it was not started");
    expect(scene.calls).toEqual(["supervisorctl stop web", "sup start web", "sup stop web"]);
    expect(existsSync(scene.path("migrate-supervisord.json"))).toBe(true);
  });

  test("a program of which a process is left there is not started here", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    scene.survivors = "12";
    expect((await scene.migrate(["--yes"])).out).toContain(
      "web  put back: it does not stop in supervisord: processes of the process group 12",
    );
    expect(scene.calls).toEqual(["supervisorctl stop web", "supervisorctl start web"]);
  });

  test("a program that ended after the plan was made is not started here", async () => {
    await using scene = new Scene({ web: "RUNNING" });
    const keys: Host["keys"] = (onKey) => {
      scene.states.web = "EXITED";
      onKey("y");
      return () => {};
    };
    expect((await scene.migrate([], { isTerminal: () => true, keys })).out).toContain("web  imported: it is EXITED in supervisord");
    expect(scene.calls).toEqual([]);
  });

  test("after a killed migration, the program that it stopped is started here; a second migration has nothing to do", async () => {
    await using scene = new Scene({ web: "STOPPED", db: "STOPPED" });
    writeFileSync(scene.path("migrate-supervisord.json"), JSON.stringify({ program: "web", targets: ["web"] }));
    const { code, out } = await scene.migrate(["--yes", "--json"]);
    expect([code, resultsOf(out)]).toEqual([0, { web: "moved", db: "imported" }]);
    expect(scene.calls).toEqual(["sup start web", "sup enable web"]);
    expect((await scene.migrate(["--yes"])).out).toContain("web → web  nothing to do: it runs in sup");
  });

  test("of a group, only the programs that ran there are started here", async () => {
    const config = "[group:shop]\nprograms=web,db\n[program:web]\ncommand=/bin/web\n[program:db]\ncommand=/bin/db\n";
    await using scene = new Scene({ "shop:web": "RUNNING", "shop:db": "STOPPED" }, config);
    const { code, out } = await scene.migrate(["--yes"]);
    expect(code).toBe(0);
    expect(out).toContain("shop  moved: runs in sup as web; not started, because it did not run in supervisord: db");
    expect(scene.calls).toEqual(["supervisorctl stop shop:web", "sup start web", "sup enable web"]);
    expect(scene.has("db")).toBe(true);
  });

  test("Ctrl-C lets the current program finish and leaves the others alone", async () => {
    await using scene = new Scene({ web: "RUNNING", db: "RUNNING" });
    let interrupt = (): void => {};
    const { ask } = scene;
    const host: Partial<Host> = {
      ending: (onEnd) => ((interrupt = onEnd), () => {}),
      ask: (command, ...rest) => {
        if (command[3] === "stop") interrupt();
        return ask(command, ...rest);
      },
    };
    const { code, out, err } = await scene.migrate(["--yes"], host);
    expect([code, err]).toEqual([1, "sup: finishing web before the migration ends\n"]);
    expect(out).toContain("Interrupted. To continue: sup migrate supervisord --yes");
    expect(scene.calls).toEqual(["supervisorctl stop web", "sup start web", "sup enable web"]);
  });
});

test("without a daemon there is only the plan", async () => {
  await using scene = new Scene({ web: "RUNNING" });
  const home = { home: scene.path("elsewhere") };
  const migrate = (...args: string[]): Promise<Outcome> =>
    sup(home, ["migrate", "supervisord", "--config", scene.path("s.conf"), ...args], { host: { ask: scene.ask } });
  expect(await migrate()).toMatchObject({ code: 0, out: expect.stringContaining("It needs a running daemon") });
  expect((await migrate("--yes")).code).toBe(5);
  expect(scene.calls).toEqual([]);
});

test("wrong options and a supervisord that does not answer", async () => {
  await using scene = new Scene({});
  const { daemon } = scene;
  expect((await sup(daemon, ["migrate", "pm2", "--config", "x"])).err).toContain("--config is only for supervisord");
  expect((await scene.migrate(["--url", "http://127.0.0.1:1"])).err).toContain("cannot migrate to sup on another machine");
  const ask: Host["ask"] = async () => ({ code: 4, stdout: "unix:///run/s.sock no such file", stderr: "" });
  expect((await scene.migrate([], { ask })).err).toContain("cannot ask supervisord for its programs: unix:///run/s.sock no such file");
  expect((await scene.migrate([])).out).toContain("supervisord has no programs.");
});

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { JobOutcome, ReloadPlan } from "../../src/api/contract/shapes.ts";
import { type Answers, FakeDaemon, Failure, sup } from "./fake.ts";
import { aService, ago, anEvent, daemonInfo, detailOf, services } from "./fixtures.ts";

/** A daemon with the units of the fixtures: web, db, api, cron, old. */
const unknown = (id: string): Failure => new Failure("no-such-unit", `there is no unit ${id}`);
const shop: Answers = {
  status: () => ({ daemon: daemonInfo, services }),
  service: ({ id }) => {
    const service = services.find((candidate) => candidate.id === id);
    return service ? detailOf(service) : unknown(id);
  },
  resolve: ({ query }) => ({ units: services.map(({ id }) => id).filter((id) => query.units === "*" || query.units === id) }),
};

interface Row {
  readonly argv: string;
  readonly code: number;
  readonly out?: string | RegExp;
  readonly err?: string | RegExp;
}

const rows: readonly Row[] = [
  { argv: "version", code: 0, out: "sup 1.2.3\n" },
  { argv: "--version", code: 0, out: "sup 1.2.3\n" },
  { argv: "--help", code: 0, out: /Look:[\s\S]*Act:[\s\S]*Unit files:[\s\S]*Examples:/ },
  { argv: "help stop", code: 0, out: /--cascade[\s\S]*sup stop @shop --dry-run/ },
  { argv: "", code: 2, err: /Usage: sup/ },
  { argv: "stauts", code: 2, err: "sup: unknown command 'stauts'\n  Did you mean status?\n" },
  { argv: "start web --no-wiat", code: 2, err: /unknown option '--no-wiat'\n {2}Did you mean --no-wait\?/ },
  { argv: "start", code: 2, err: /missing required argument 'unit'/ },
  { argv: "status", code: 0, out: /^sup 0\.1\.0 .* 5 units: 2 running/ },
  { argv: "status web", code: 0, out: /^● web - The web service\n/ },
  { argv: "status web.unit.json", code: 0, out: /^● web/ },
  { argv: "scale web", code: 2, err: /the number of units is missing/ },
  { argv: "scale web 2 3", code: 2, err: /only one service can be scaled/ },
  { argv: "scale web 2.5", code: 2, err: /cannot scale to "2.5": it is not a number/ },
  { argv: "scale web 2 --reset", code: 2, err: /--reset takes no number/ },
  { argv: "status api", code: 3, out: /next attempt in 2s \(1 of 5\)/i },
  { argv: "status cron", code: 3, out: /Never started, and not enabled/ },
  { argv: "status wbe", code: 4, err: "sup: there is no unit wbe\n  did you mean web?\n" },
  { argv: "status nothing-like-it", code: 4, err: /there is no unit nothing-like-it/ },
  { argv: "status @shop", code: 0, out: /db +running[\s\S]*web +running/ },
  { argv: "status @shp", code: 4, err: /no unit is in the group @shp\n {2}did you mean @shop\?/ },
  { argv: "status web cron", code: 3, out: /web[\s\S]*cron/ },
  { argv: "status zzz*", code: 4, err: /no unit matches zzz\*/ },
  { argv: "list", code: 0, out: /^UNIT +ENABLED +STATE[\s\S]*cron +no +stopped/ },
  { argv: "list w*", code: 0, out: /^[^\n]*\nweb [^\n]*\n$/ },
  { argv: "is-active web", code: 0, out: "running\n" },
  { argv: "is-active -q web", code: 0, out: "" },
  { argv: "is-active cron", code: 3, out: "stopped\n" },
  { argv: "is-active cron web", code: 0, out: "running\nstopped\n" },
  { argv: "is-active web nope", code: 0, out: "running\n" },
  { argv: "is-active cron nope", code: 4, out: "stopped\n", err: /there is no unit nope/ },
  { argv: "is-active --json cron nope", code: 4, out: /^\{\n? *"error"/ },
  { argv: "is-failed web nope *", code: 0, out: /fatal/ },
  { argv: "edit t@ü --units /no/such", code: 4, err: /a unit name has letters, digits/ },
  { argv: "is-active nope", code: 4, err: /there is no unit nope/ },
  { argv: "is-enabled web", code: 0, out: "enabled\n" },
  { argv: "is-enabled cron", code: 1, out: "disabled\n" },
  { argv: "is-failed web", code: 1, out: "running\n" },
  { argv: "is-failed *", code: 0, out: "web: running\ndb: running\napi: backoff\ncron: stopped\nold: fatal\n" },
  { argv: "ps", code: 2, err: /unknown command 'ps'\n {2}`sup status` shows all units/ },
  { argv: "monit", code: 2, err: /\n {2}`sup top` shows CPU and memory live/ },
  { argv: "tail web", code: 2, err: /\n {2}`sup logs -f UNIT` follows the output/ },
  { argv: "rm web", code: 2, err: /\n {2}`sup stop UNIT`, remove its unit file, then `sup reload`/ },
  { argv: "info web", code: 2, err: /\n {2}`sup status UNIT` shows its state/ },
  { argv: "help logs", code: 0, out: /-n defaults to 100 lines of each unit/ },
  { argv: "help events", code: 0, out: /-n defaults to 50/ },
  { argv: "help why", code: 0, out: /the last 15 entries/ },
  { argv: "kill -s SIGNONE web", code: 2, err: /there is no signal SIGNONE/ },
  { argv: "logs web --since yesteryear", code: 2, err: /cannot read --since yesteryear as a time/ },
  { argv: "logs web --grep (", code: 2, err: /cannot use --grep/ },
  { argv: "logs -f --until now web", code: 2, err: /cannot use --until with --follow/ },
  { argv: "logs web -o yaml", code: 2, err: /cannot print as "yaml"[^]*-o text, -o short, -o json, -o cri/ },
  { argv: "logs web -o cri --bare", code: 2, err: /cannot use -o cri with --bare/ },
  { argv: "events --since soon", code: 2, err: /cannot read --since soon/ },
  { argv: "health --run", code: 2, err: /--run needs a unit/ },
  { argv: "token", code: 1, err: /cannot read the token .*token: no such file\n {2}.*sup daemon start/ },
  { argv: "up /no/such/place", code: 1, err: /cannot supervise \/no\/such\/place: no such directory/ },
];

test.each(rows.map((row) => [row.argv, row.code, row] as const))("`sup %s` exits with %i", async (argv, code, row) => {
  await using daemon = new FakeDaemon(shop);
  const outcome = await sup(daemon, argv === "" ? [] : argv.split(" "));
  expect(outcome).toMatchObject({ code });
  for (const stream of ["out", "err"] as const) {
    const wanted = row[stream];
    if (wanted instanceof RegExp) expect(outcome[stream]).toMatch(wanted);
    else if (wanted !== undefined) expect(outcome[stream]).toBe(wanted);
  }
  if (row.out === undefined) expect(outcome.out).toBe("");
  if (row.err === undefined) expect(outcome.err).toBe("");
});

const reaching = ["status", "status web", "list", "start web", "stop web", "reload", "is-active web", "is-enabled web", "is-failed web", "logs web", "logs -f web", "events", "events -f", "health", "health web", "summary", "cat web", "show web", "why web", "explain web", "deps", "run -- true", "run -f -- true", "daemon stop", "daemon status"]; // prettier-ignore

describe("without a daemon", () => {
  test.each(reaching)("`sup %s` exits with 5 and hints at how to start a daemon", async (argv) => {
    await using nobody = new FakeDaemon(null);
    const outcome = await sup(nobody, argv.split(" "));
    expect(outcome).toEqual({
      code: 5,
      out: "",
      err: `sup: cannot reach the daemon at ${nobody.socket}: no such socket, so no daemon runs here\n  start it with \`sup daemon start\`\n`,
    });
  });

  test.each(reaching)("`sup %s --json` prints the error as JSON on standard output", async (argv) => {
    await using nobody = new FakeDaemon(null);
    const outcome = await sup(nobody, ["--json", ...argv.split(" ")]);
    expect(outcome).toMatchObject({ code: 5, err: "" });
    expect(JSON.parse(outcome.out)).toEqual({
      error: { code: "unreachable", message: expect.stringContaining(nobody.socket), hint: expect.any(String) },
    });
  });
});

describe("--json", () => {
  const json = async (answers: Answers, argv: string) => {
    await using daemon = new FakeDaemon(answers);
    const { code, out } = await sup(daemon, [...argv.split(" "), "--json"]);
    return { code, value: JSON.parse(out) };
  };

  test("status has the daemon and the services", async () => {
    expect(await json(shop, "status")).toEqual({ code: 0, value: { daemon: daemonInfo, services, masked: [], broken: [] } as never });
  });

  test("status of a unit has all its details", async () => {
    expect(await json(shop, "status web")).toEqual({ code: 0, value: JSON.parse(JSON.stringify(detailOf(services[0]!))) });
  });

  test("list has the services", async () => {
    expect((await json(shop, "list w*")).value).toEqual([services[0]] as never);
  });

  test("is-active has a word for each unit", async () => {
    const answer = await json(shop, "is-active web cron");
    expect(answer).toEqual({ code: 0, value: [{ id: "web", word: "running", yes: true }, { id: "cron", word: "stopped", yes: false }] }); // prettier-ignore
  });

  test("version has the commit", async () => {
    expect((await json({}, "version")).value).toEqual({
      version: "1.2.3",
      commit: "abc",
      releases: null,
      bun: Bun.version,
      os: "linux",
      cpu: process.arch,
    });
  });

  test("a usage error is JSON, too", async () => {
    expect(await json(shop, "stauts")).toEqual({ code: 2, value: { error: { code: "bad-request", message: "unknown command 'stauts'", hint: "Did you mean status?" } } }); // prettier-ignore
  });

  test("an error from the daemon is printed unchanged", async () => {
    const error = { code: "forbidden", message: "cannot do that: no", hint: "ask nicely" } as const;
    expect(await json({ summary: () => new Failure(error.code, error.message, error.hint) }, "summary")).toEqual({
      code: 1,
      value: { error },
    });
  });
});

describe("actions", () => {
  const outcome = (id: string, given: Partial<JobOutcome> = {}): JobOutcome => ({ id, result: "done", state: "running", message: `running (pid 7) in 0.2s`, ...given }); // prettier-ignore
  const act = async (argv: string, outcomes: readonly JobOutcome[], warnings: readonly string[] = []) => {
    await using daemon = new FakeDaemon({ jobs: () => ({ outcomes, warnings }) });
    const result = await sup(daemon, argv.split(" "));
    return { ...result, body: daemon.asked.map(({ body }) => body) };
  };

  test("several units are sent in one request, and each gets a line", async () => {
    const { code, out, err, body } = await act("start web 'db*' @shop".replaceAll("'", ""), [outcome("web"), outcome("db", { result: "unchanged", message: "already running (pid 9)" })]); // prettier-ignore
    expect(body).toEqual([{ action: "start", units: ["web", "db*", "@shop"], wait: false, now: false, cascade: false, dry_run: false }]);
    expect({ code, out, err }).toEqual({ code: 0, out: "web: running (pid 7) in 0.2s\ndb: already running (pid 9)\n", err: "" });
  });

  test.each([
    ["stop web.unit.json --cascade", { action: "stop", units: ["web"], cascade: true }],
    ["restart web --no-wait", { action: "restart", wait: false }],
    ["reload web", { action: "reload" }],
    ["kill -s HUP web", { action: "kill", signal: "HUP" }],
    ["kill web", { action: "kill", signal: "SIGTERM" }],
    ["enable --now web", { action: "enable", now: true }],
    ["disable web --dry-run", { action: "disable", dry_run: true }],
    ["reset-failed web", { action: "reset-failed" }],
  ])("`sup %s` sends the right request", async (argv, wanted) => {
    const { body, code } = await act(argv, [outcome("web")]);
    expect(body).toEqual([expect.objectContaining(wanted)]);
    expect(code).toBe(0);
  });

  test("a failure goes to standard error and names the log", async () => {
    const failed = outcome("web", {
      result: "failed",
      state: "backoff",
      message: "failed to start: exit code 3; next attempt in 1s (1/5).",
    });
    expect(await act("start web", [failed])).toMatchObject({ code: 1, out: "", err: "web: failed to start: exit code 3; next attempt in 1s (1/5). See: sup logs web\n" }); // prettier-ignore
  });

  test("other failures do not name the log", async () => {
    const failed = outcome("web", { result: "failed", state: "stopped", message: "cannot send SIGUSR1: it is stopped" });
    expect((await act("kill -s USR1 web", [failed])).err).toBe("web: cannot send SIGUSR1: it is stopped\n");
  });

  test("the exit code is that of the failures if they all have the same, otherwise 1", async () => {
    const missing = outcome("x", { result: "failed", code: "no-such-unit", message: "there is no unit x" });
    const broken = outcome("y", { result: "failed", code: "failed", message: "failed" });
    expect((await act("start x web", [missing, outcome("web")])).code).toBe(4);
    expect((await act("start x y", [missing, broken])).code).toBe(1);
  });

  test("-q prints only failures", async () => {
    const { out, err } = await act("start -q web db", [outcome("web"), outcome("db", { result: "failed", message: "no" })]);
    expect({ out, err }).toEqual({ out: "", err: "db: no. See: sup logs db\n" });
  });

  test("warnings go to standard error", async () => {
    const { err } = await act("stop db", [outcome("db", { message: "stopped" })], ["web needs db and keeps running"]);
    expect(err).toBe("sup: note: web needs db and keeps running\n");
  });

  test("a message with escape sequences cannot control the terminal", async () => {
    const { out } = await act("start web", [outcome("web", { message: "\x1b[2Jrunning\x07" })]);
    expect(out).toBe("web: running\\x07\n");
  });

  test("reload without a unit prints the plan, and exits with 1 if files have errors", async () => {
    const plan: ReloadPlan = {
      dry_run: true,
      units: [
        { id: "web", change: "changed", keys: [{ key: "command", applies: "restart" }, { key: "log.keep", applies: "live" }], action: "restart", message: "" }, // prettier-ignore
        { id: "new", change: "added", keys: [], action: "start", message: "it is enabled" },
      ],
      problems: [],
    };
    await using daemon = new FakeDaemon({ reloadUnits: () => plan });
    expect(await sup(daemon, ["reload", "--dry-run"])).toEqual({
      code: 0,
      out: "~ web changed, restart (command, log.keep)\n+ new added, start: it is enabled\nDry run: nothing was changed. `sup reload` applies the plan.\n",
      err: "",
    });
    expect(daemon.asked[0]?.body).toEqual({ dry_run: true });
    const problem = { severity: "error", file: "/u/x.unit.json", line: 2, column: 3, key: "comand", value: null, message: 'unknown key "comand"', hint: 'did you mean "command"?' } as const; // prettier-ignore
    await using broken = new FakeDaemon({ reloadUnits: () => ({ dry_run: false, units: [], problems: [problem] }) });
    expect(await sup(broken, ["daemon-reload"])).toEqual({
      code: 1,
      out: "Nothing changed.\n",
      err: '/u/x.unit.json:2:3: error: unknown key "comand"\n  hint: did you mean "command"?\n',
    });
  });
});

describe("commands that show something", () => {
  test("health exits with 0 when healthy or degraded and with 1 when unhealthy, although the response is a 503", async () => {
    const overall = (status: string) => ({ health: () => ({ status, counts: { unhealthy: 1, healthy: 0 }, not_healthy: [{ id: "web", state: "running", health: "unhealthy", reason: "health" }] }) }); // prettier-ignore
    for (const [status, code] of [
      ["healthy", 0],
      ["degraded", 0],
      ["unhealthy", 1],
    ] as const) {
      // prettier-ignore
      await using daemon = new FakeDaemon(overall(status));
      const outcome = await sup(daemon, ["health"]);
      expect(outcome).toMatchObject({ code, err: "" });
      expect(outcome.out).toStartWith(`${status}: 1 unhealthy\n`);
      expect(outcome.out).toMatch(/web +│ running +│ unhealthy +│ health/);
    }
  });

  test("health of a unit shows its check, with --run after running it", async () => {
    await using daemon = new FakeDaemon({
      probe: ({ id }) => ({
        id,
        health: "unhealthy",
        state: "running",
        last_exit: null,
        check: "tcp 127.0.0.1:80",
        consecutive_failures: 3,
        failure_threshold: 3,
        next_probe: ago(-5),
        results: [{ time: ago(1), kind: "bad", detail: "connection refused", response_ms: 2, fallback: false }],
      }),
    });
    const outcome = await sup(daemon, ["health", "web", "--run"]);
    expect(outcome.code).toBe(1);
    expect(outcome.out).toStartWith("web: unhealthy (tcp 127.0.0.1:80, 3 of 3 failures in a row, next in 5s)\n");
    expect(outcome.out).toMatch(/bad +│ 2ms +│ connection refused/);
  });

  test("summary shows the numbers", async () => {
    const zero = { stopped: 0, starting: 0, running: 2, stopping: 0, failed: 0, backoff: 0, fatal: 1 };
    const byHealth = { unknown: 1, starting: 0, healthy: 2, degraded: 0, unhealthy: 0 };
    await using daemon = new FakeDaemon({
      summary: () => ({ total: 3, by_state: zero, by_health: byHealth, restarts_24h: 4, cpu_percent: 1.5, memory_mb: 2048, critical_down: ["db"], open_alerts: 0 }), // prettier-ignore
    });
    const { out, code } = await sup(daemon, ["summary"]);
    expect(code).toBe(0);
    expect(out).toMatch(/State +│ 2 running, 1 fatal/);
    expect(out).toMatch(/Critical down +│ db/);
    expect(out).toMatch(/Memory +│ 2\.0G/);
  });

  test("cat prints each file under its path; show gives every setting its source", async () => {
    const file = {
      id: "web",
      files: [
        { path: "/u/web.unit.json", text: '{"command": "x\x1b[2J"}\n' },
        { path: "/u/web.unit.json.d/a.json", text: "{}\n" },
      ],
      effective: { command: "x", health_check: { interval: 5, type: "tcp" }, groups: [] },
      sources: { command: "/u/web.unit.json:1", "health_check.interval": "/u/web.unit.json.d/a.json:1", groups: "default" },
    };
    await using daemon = new FakeDaemon({ serviceFile: () => file });
    expect(await sup(daemon, ["cat", "web"])).toEqual({
      code: 0,
      out: '// /u/web.unit.json\n{"command": "x"}\n\n// /u/web.unit.json.d/a.json\n{}\n',
      err: "",
    });
    const { out } = await sup(daemon, ["show", "web", "--reveal"]);
    expect(daemon.asked.at(-1)?.query).toEqual({ reveal: "true" });
    expect(out).toMatch(/command +│ "x" +│ \/u\/web\.unit\.json:1/);
    expect(out).toMatch(/health_check\.interval +│ 5 +│ \/u\/web\.unit\.json\.d\/a\.json:1/);
    expect(out).toMatch(/health_check\.type +│ "tcp" +│ default/);
    expect(out).toMatch(/groups +│ \[\] +│ default/);
    expect(JSON.parse((await sup(daemon, ["show", "web", "--json"])).out)).toEqual({
      id: "web",
      effective: file.effective,
      sources: file.sources,
    });
  });

  test("a crash loop is one line with a count, except with --no-fold, --type and --json", async () => {
    const types = ["started", "exited", "backoff"];
    const events = Array.from({ length: 12 }, (_, i) => ({
      ...{ id: i + 1, service_id: "web", event_type: types[i % 3]!, timestamp: new Date(i * 1000).toISOString() },
      ...{ message: i % 3 === 1 ? "exit code 3" : "…", details: i % 3 === 2 ? { cause: "exit code 3" } : {} },
    }));
    await using daemon = new FakeDaemon({ events: () => events });
    expect((await sup(daemon, ["events"])).out.trim()).toMatch(/web +exited ×4 +4 times in 11s: exit code 3$/);
    for (const option of ["--no-fold", "--type=exited"])
      expect((await sup(daemon, ["events", option])).out.trim().split("\n")).toHaveLength(12);
    expect(JSON.parse((await sup(daemon, ["events", "--json"])).out)).toEqual(events);
  });

  test("events of several units are merged in order and cut to the newest", async () => {
    const events = [anEvent(1), anEvent(2, { service_id: "db" }), anEvent(3)];
    await using daemon = new FakeDaemon({
      resolve: () => ({ units: ["web", "db"] }),
      events: ({ query }) => events.filter(({ service_id }) => service_id === query.service),
    });
    const { out } = await sup(daemon, ["events", "web", "db", "-n", "2"]);
    expect(out.match(/event \d/g)).toEqual(["event 2", "event 3"]);
    expect(daemon.asked.filter(({ name }) => name === "events").map(({ query }) => query)).toEqual([
      { limit: "40", service: "web" },
      { limit: "40", service: "db" },
    ]);
  });

  test("token prints the token file", async () => {
    await using daemon = new FakeDaemon(null);
    mkdirSync(`${daemon.home}/run`, { recursive: true });
    writeFileSync(`${daemon.home}/run/token`, "abc123\n");
    expect(await sup(daemon, ["token"])).toEqual({ code: 0, out: "abc123\n", err: "" });
    expect(await sup(daemon, ["token", "--json"])).toEqual({ code: 0, out: '{"token":"abc123"}\n', err: "" });
  });

  test("warns about --units that the daemon does not read", async () => {
    await using daemon = new FakeDaemon(shop);
    expect((await sup(daemon, ["status", "--units", "/elsewhere"])).err).toBe(
      "sup: note: the running daemon reads /srv/units, not /elsewhere\n",
    );
    expect((await sup(daemon, ["status", "--units", "/srv/units"])).err).toBe("");
  });

  test("a template name stands for all its instances", async () => {
    const fleet = [aService("web@1"), aService("web@2"), aService("webcam")];
    await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services: fleet }), service: ({ id }) => unknown(id) });
    expect(await sup(daemon, ["is-active", "web"])).toMatchObject({ code: 0, out: "running\nrunning\n" });
  });
});

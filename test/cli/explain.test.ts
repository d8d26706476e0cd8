import { describe, expect, test } from "bun:test";
import type { Graph } from "../../src/api/contract/shapes.ts";
import { FakeDaemon, Failure, sup } from "./fake.ts";
import { aService, ago, daemonInfo, services } from "./fixtures.ts";

describe("sup why", () => {
  const story = Array.from({ length: 20 }, (_, n) => ({
    time: ago(100 - n),
    text: `Chapter ${n}.`,
    lines: n === 19 ? ["\x1b[31mred\x1b[0m"] : [],
  }));
  const answer = {
    service: aService("web", { state: "backoff", reason: "exit-code", last_exit: "exit code 3", retries: 1, next_attempt: ago(-2) }),
    story,
    policy: ["It is tried again."],
    next: [
      { text: "Retry 1 of 5 comes", time: ago(-2) },
      { text: "Then it stays.", time: null },
    ],
  };

  test("shows what happened, the policy and what happens next, with control characters escaped", async () => {
    await using daemon = new FakeDaemon({ why: () => answer });
    const { code, out } = await sup(daemon, ["why", "web.unit.json"]);
    expect(code).toBe(0);
    expect(daemon.asked[0]!.id).toBe("web");
    expect(out).toMatch(/^. web is in backoff since .* Failed: exit code 3\. Next attempt in 2s \(1 of 5\)\.\n\n/);
    expect(out).toContain("What happened (the last 15 of 20; -n shows more)\n");
    expect(out).not.toContain("Chapter 4.");
    expect(out).toMatch(/Chapter 19\.\n {4}│ [^\n]*red/);
    expect(out).not.toContain("\x1b");
    expect(out).toMatch(
      /Policy\n {2}It is tried again\.\n\nWhat happens next\n {2}Retry 1 of 5 comes in 2s \(\d\d:\d\d:\d\d\)\.\n {2}Then it stays\.\n$/,
    );
  });

  test("-n limits the history; --json has all of it", async () => {
    await using daemon = new FakeDaemon({ why: () => answer });
    expect((await sup(daemon, ["why", "-n", "20", "web"])).out).toContain("Chapter 0.");
    expect((await sup(daemon, ["why", "-n", "0", "web"])).out).not.toContain("What happened");
    expect(JSON.parse((await sup(daemon, ["why", "--json", "web"])).out).story).toHaveLength(20);
  });

  test("exits with 4 if the unit does not exist", async () => {
    await using daemon = new FakeDaemon({ why: () => new Failure("no-such-unit", "there is no unit web") });
    expect(await sup(daemon, ["why", "web"])).toMatchObject({ code: 4, err: "sup: there is no unit web\n" });
  });
});

test("sup explain describes the scaling of a service once, above its units", async () => {
  const explanation = (id: string) => ({
    ...{ id, service: "web", scaling: ["It has 2 units.", "Now: nothing."], waves: [[id]], needs: [], needed_by: [] },
    ...{ ready_when: "At once.", retries: [], fatal_after_seconds: null, policy: [], enforcement: [] },
  });
  await using daemon = new FakeDaemon({ resolve: () => ({ units: ["web@1", "web@2"] }), explain: ({ id }) => explanation(id!) });
  const { out } = await sup(daemon, ["explain", "web"]);
  expect(out).toStartWith("Scaling of web\n  It has 2 units.\n  Now: nothing.\n\nweb@1\n");
  expect(out.split("Scaling of web")).toHaveLength(2);
});

test("sup explain prints start waves, dependencies, policy and the retry times", async () => {
  const explanation = {
    id: "web",
    waves: [["db", "log"], ["web"]],
    needs: [{ unit: "db", condition: "ready" as const, required: false }],
    needed_by: ["worker"],
    ready_when: "It is ready when it says so.",
    retries: [
      { attempt: 1, delay_seconds: 1, at_seconds: 1 },
      { attempt: 2, delay_seconds: 60, at_seconds: 61 },
    ],
    fatal_after_seconds: 61,
    policy: ["It is tried again."],
    enforcement: ["By a cgroup."],
  };
  await using daemon = new FakeDaemon({ explain: () => explanation });
  const { code, out } = await sup(daemon, ["explain", "web"]);
  expect({ code, out }).toEqual({
    code: 0,
    out: `web

Start
  wave 1: db, log
  wave 2: web
  Needs db (ready, order only).
  Needed by worker.
  It is ready when it says so.

Policy
  It is tried again.

Retries, if each run fails immediately
  RETRY  AFTER     AT
      1     1s     1s
      2     1m  1m 1s
  then fatal, 1m 1s after the first start plus the duration of the runs

Enforcement
  By a cgroup.
`,
  });
  expect(JSON.parse((await sup(daemon, ["explain", "web", "--json"])).out)).toEqual(explanation);
});

describe("sup deps", () => {
  const edge = (from: string, to: string, condition: "ready" | "succeeded" = "ready", required = true) => ({
    from,
    to,
    condition,
    required,
  });
  const graph: Graph = {
    nodes: [
      { id: "alone", state: "stopped", wave: 0 },
      { id: "db", state: "running", wave: 0 },
      { id: "migrate", state: "stopped", wave: 1 },
      { id: "web", state: "running", wave: 2 },
      { id: "worker", state: "backoff", wave: 3 },
    ],
    edges: [
      edge("migrate", "db"),
      edge("web", "db"),
      edge("web", "migrate", "succeeded"),
      edge("worker", "web"),
      edge("worker", "gone", "ready", false),
    ],
  };
  const deps = async (...args: string[]) => {
    await using daemon = new FakeDaemon({ graph: () => graph, resolve: () => ({ units: ["web", "worker"] }) });
    return await sup(daemon, ["deps", ...args]);
  };

  test("prints a table in start order", async () => {
    expect((await deps("web")).out).toBe(`WAVE  UNIT     STATE    NEEDS
   1  db       running
   2  migrate  stopped  db (ready)
   3  web      running  db (ready), migrate (succeeded)
`);
    expect((await deps()).out.split("\n")).toHaveLength(7);
  });

  test("--tree expands a unit only once and marks missing units", async () => {
    expect((await deps("worker", "--tree")).out).toBe(`worker backoff
├─ web running (ready)
│  ├─ db running (ready)
│  └─ migrate stopped (succeeded)
│     └─ db running (ready)
└─ gone missing (ready, order only)
`);
    expect((await deps("--tree")).out).toStartWith("alone stopped\nworker backoff\n");
  });

  test("--reverse shows dependents", async () => {
    expect((await deps("migrate", "--reverse", "--tree")).out).toBe(
      "migrate stopped\n└─ web running (succeeded)\n   └─ worker backoff (ready)\n",
    );
    expect((await deps("migrate", "--reverse")).out).toMatch(/migrate[\s\S]*web[\s\S]*worker/);
  });

  test("--json has that part of the graph; an unknown unit exits with 4", async () => {
    const part = JSON.parse((await deps("migrate", "--json")).out) as Graph;
    expect(part.nodes.map(({ id }) => id)).toEqual(["db", "migrate"]);
    expect(part.edges).toEqual([graph.edges[0]!]);
    expect(await deps("nobody")).toMatchObject({ code: 4, err: expect.stringContaining("there is no unit nobody") });
  });
});

describe("sup list --timers", () => {
  const schedule = {
    cron: null,
    timezone: null,
    every_seconds: null,
    catch_up: false,
    overlap: "skip" as const,
    active: true,
    next_run: null,
    last_run: null,
    queued: false,
  };
  const timed = [
    aService("off", { state: "stopped", reason: "none", schedule: { ...schedule, cron: "@daily", active: false } }),
    aService("later", {
      state: "stopped",
      reason: "success",
      schedule: { ...schedule, cron: "0 3 * * *", timezone: "UTC", next_run: ago(-7200), last_run: ago(60) },
    }),
    aService("soon", { schedule: { ...schedule, every_seconds: 300, next_run: ago(-5) } }),
  ];

  test("sorts by the next run and shows the result of the last run", async () => {
    await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services: [...services, ...timed] }) });
    const lines = (await sup(daemon, ["list", "--timers"])).out.trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ {2,}/)[0])).toEqual(["UNIT", "soon", "later", "off"]);
    expect(lines[1]).toMatch(/5s +never +running +every 5m$/);
    expect(lines[2]).toMatch(/2h .* 1m ago +stopped \(success\) +0 3 \* \* \* UTC$/);
    expect(lines[3]).toMatch(/disabled +never +stopped +@daily$/);
    const json = JSON.parse((await sup(daemon, ["list", "--timers", "--json"])).out) as Array<{ id: string }>;
    expect(json.map(({ id }) => id).toSorted()).toEqual(["later", "off", "soon"]);
  });

  test("says when no unit has a schedule", async () => {
    await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services }) });
    expect((await sup(daemon, ["list", "--timers"])).out).toBe("No unit has a schedule.\n");
  });
});

test("a list of explanations has more output for the newest failure than for older ones, and no policies", async () => {
  const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`);
  const story = [1, 2].map((n) => ({ time: ago(n), text: `Failure ${n}.`, lines }));
  const service = aService("web", { state: "fatal" });
  const answer = { service, story, policy: ["Retried often."], next: [] };
  await using daemon = new FakeDaemon({ why: () => answer, status: () => ({ daemon: daemonInfo, services: [service] }) });
  const { out } = await sup(daemon, ["why"]);
  expect(out.split("Failure 2.")[0]!.match(/│/g)).toHaveLength(3);
  expect(out.split("Failure 2.")[1]!.match(/│/g)).toHaveLength(20);
  expect(out).not.toContain("Retried often.");
  expect((await sup(daemon, ["why", "web"])).out).toContain("Retried often.");
});

import { expect, test } from "bun:test";
import type { Diff, DiffSide, Why } from "../../src/api/contract/shapes.ts";
import { FakeDaemon, sup } from "./fake.ts";
import { aService, ago } from "./fixtures.ts";

const side = (more: Partial<DiffSide>): DiffSide => ({
  ...{
    invocation: "3f2a9c1b00000001",
    started: ago(600),
    ended: ago(60),
    seconds: 540,
    exit: "SIGTERM",
    failed: false,
    runs: 3,
    failures: 0,
  },
  ...{ memory_mb: 12.3, memory_mb_per_hour: -0.5, cpu_percent: 1.5, response_time_ms: null, error_lines: 0 },
  ...more,
});
const answer: Diff = {
  id: "web",
  before: side({}),
  after: side({
    invocation: "8c1d22aa00000004",
    ended: null,
    exit: null,
    failed: true,
    failures: 3,
    memory_mb: null,
    memory_mb_per_hour: null,
    error_lines: 12,
  }),
  changes: [{ kind: "executable", text: "The executable /opt/\x1b[31mapp changed.", names: [], time: ago(60) }],
  unknown: [],
};

test("sup diff shows what changed, and the figures of both runs", async () => {
  await using daemon = new FakeDaemon({ diff: () => answer });
  const { code, out } = await sup(daemon, ["diff", "web.unit.json"]);
  expect(code).toBe(0);
  expect(daemon.asked[0]).toMatchObject({ id: "web" });
  expect(out).not.toContain("\x1b");
  expect(out).toMatch(/^web\n\nWhat changed\n {2}\d\d:\d\d:\d\d The executable [^\n]* changed\.\n\nBefore and after\n/);
  expect(out).toMatch(/invocation +3f2a9c1b +8c1d22aa\n/);
  expect(out).toMatch(/duration +9m +9m so far\n/);
  expect(out).toMatch(/exit +SIGTERM +unhealthy\n/);
  expect(out).toMatch(/runs +3 \(0 failed\) +3 \(3 failed\)\n/);
  expect(out).toMatch(/memory slope +-0\.5\S* ?M\S* per hour/);
  expect(out).toMatch(/error lines +0 +12/);
  expect(out).not.toContain("response time");
});

test("sup diff says that nothing changed, or what is unknown", async () => {
  await using same = new FakeDaemon({ diff: () => ({ ...answer, changes: [] }) });
  expect((await sup(same, ["diff", "web"])).out).toContain(
    "  Nothing: both runs had the same executable, files, environment and settings.\n",
  );
  await using unknown = new FakeDaemon({ diff: () => ({ ...answer, changes: [], unknown: ["It is unknown."] }) });
  const { out } = await sup(unknown, ["diff", "web"]);
  expect(out).toContain("What changed\n  It is unknown.\n");
  expect(out).not.toContain("Nothing");
  expect(JSON.parse((await sup(unknown, ["diff", "web", "--json"])).out)).toMatchObject({ id: "web", changes: [] });
});

test("sup diff --between takes two runs, also relative ones", async () => {
  await using daemon = new FakeDaemon({ diff: () => answer });
  expect((await sup(daemon, ["diff", "web", "--between", "-1", "0"])).code).toBe(0);
  expect((await sup(daemon, ["diff", "web", "--between", "3f2a", "8c1d"])).code).toBe(0);
  expect(daemon.asked.map(({ query }) => query)).toEqual([
    { from: "-1", to: "0" },
    { from: "3f2a", to: "8c1d" },
  ]);
  for (const words of [["-1"], ["-1", "0", "-2"], ["yesterday", "0"]]) {
    const { code, err } = await sup(daemon, ["diff", "web", "--between", ...words]);
    expect(code).toBe(2);
    expect(err).toContain("cannot use --between");
  }
  expect(daemon.asked).toHaveLength(2);
});

test("sup why shows the change before the failure, or that nothing changed", async () => {
  const change: NonNullable<Why["change"]> = {
    run: "8c1d",
    failed_at: ago(20),
    failure: "exit code 3",
    since: ago(900),
    changes: answer.changes,
  };
  const why: Why = { service: aService("web"), story: [], policy: ["p"], next: [], change };
  await using daemon = new FakeDaemon({ why: () => why });
  expect((await sup(daemon, ["why", "web"])).out).toMatch(
    /What changed before the failure\n {2}\d\d:\d\d:\d\d The executable [^\n]* changed\.\n\nPolicy/,
  );
  await using calm = new FakeDaemon({ why: () => ({ ...why, change: { ...change, changes: [] } }) });
  expect((await sup(calm, ["why", "web"])).out).toMatch(
    /Nothing that sup tracks changed between \d\d:\d\d:\d\d and the first failure at \d\d:\d\d:\d\d\./,
  );
});

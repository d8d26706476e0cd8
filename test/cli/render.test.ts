import { describe, expect, test } from "bun:test";
import type { ServiceDetail } from "../../src/api/contract/shapes.ts";
import { clip, layOut } from "../../src/cli/render/columns.ts";
import { coloured, plain, wantsColour } from "../../src/cli/render/paint.ts";
import { fullLogLine, logLine } from "../../src/cli/render/lines.ts";
import { prefixer } from "../../src/cli/render/prefix.ts";
import { isProblem, memory, percent } from "../../src/cli/render/state.ts";
import { statusLong } from "../../src/cli/render/status-long.ts";
import { statusTable } from "../../src/cli/render/status-table.ts";
import { logTime, relative, shortTime, sinceWhen } from "../../src/cli/render/time.ts";
import { why } from "../../src/cli/render/why.ts";
import { flatten } from "../../src/cli/commands/show.ts";
import { selectServices } from "../../src/cli/requests/select-services.ts";
import { parseTime } from "../../src/cli/parse/time.ts";
import { STATES } from "../../src/base/words.ts";
import { aService, ago, daemonInfo, detailOf, NOW, services } from "./fixtures.ts";

const style = { paint: plain, width: undefined, now: NOW };

describe("the status table", () => {
  test("problems come first, critical units before others, then a row for each unit", () => {
    const text = statusTable({ ...daemonInfo, notes: ["port 7870 is taken"] }, services, style);
    const [head, troubles, table] = text.split("\n\n");
    expect(head).toBe("sup 0.1.0 pid 4242, up 1h 2m   5 units: 2 running, 1 backoff, 1 stopped, 1 fatal");
    expect(troubles!.split("\n").map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual(["! port", "! db", "↻ api:", "× old:"]);
    expect(table!.split("\n")).toHaveLength(1 + services.length);
    expect(table).toContain("●  web   running  healthy   100   3m 5s         2  0.3%   12.3M  The web service");
  });

  test("below a problem stands the line of output that says most about it", () => {
    const down = aService("api", { state: "fatal", reason: "exit-code", last_exit: "exit code 78", last_line: "KEY is not set\x1b[0m" });
    const [troubles] = statusTable(null, [down], style).split("\n\n");
    expect(troubles).toMatch(/^× api: Failed: exit code 78\. .*\n {4}│ KEY is not set[^\x1b]*$/);
  });

  test("rows in trouble come first, the marks of the states differ without colour, and units that are down have no numbers", () => {
    const text = statusTable(null, [...services, aService("off", { state: "stopped", pid: null, cpu_percent: 5, memory_mb: 7 })], style);
    const rows = text.split("\n\n").at(-1)!.split("\n").slice(1);
    expect(rows.map((row) => row.split(/ +/).slice(0, 3).join(" "))).toEqual([
      "● db running",
      "↻ api backoff",
      "× old fatal",
      "● web running",
      "○ cron stopped",
      "○ off stopped",
    ]);
    expect(rows.at(-1)).not.toMatch(/5\.0%|7\.0M/);
  });

  test("the units of a service stand below it, and a service with a unit in trouble comes first", () => {
    const unit = (number: number, more: object = {}) => aService(`web@${number}`, { service: "web", instance: number, ...more });
    const units = [unit(1), unit(2, { state: "fatal", pid: null }), unit(3, { leaving: true, state: "stopping" })];
    const table = statusTable(null, [aService("api"), ...units], style)
      .split("\n\n")
      .at(-1)!;
    expect(table.split("\n").map((row) => row.slice(0, 33).trimEnd())).toEqual([
      "   UNIT     STATE",
      "×  web      fatal, 1 of 2 ready",
      "●  ├─web@1  running",
      "×  ├─web@2  fatal",
      "↻  └─web@3  stopping, leaving",
      "●  api      running",
    ]);
    expect(table.split("\n")[1]).toMatch(/0\.9% +37\.0M +The web@1 service$/);
    expect(table.split("\n")[2]).toMatch(/12\.3M$/);
  });

  test("the row of a service that scales itself has its bounds and targets", () => {
    const scaling = { min: 1, max: 4, metrics: [{ metric: "cpu", target: 70 }, { metric: "queue", target: 2.5 }] }; // prettier-ignore
    const unit = (description: string) => aService("web@1", { service: "web", instance: 1, scaling, description });
    const rowsOf = (description: string) => statusTable(null, [unit(description)], style).split("\n\n").at(-1)!.split("\n"); // prettier-ignore
    expect(rowsOf("My service")[1]).toEndWith("My service (1–4 units by cpu 70, queue 2.5)");
    expect(rowsOf("")[1]).toEndWith(" 1–4 units by cpu 70, queue 2.5");
    expect(rowsOf("My service")[2]).not.toContain("units by");
  });

  test("a unit whose file has errors has a row, and at most five errors are listed", () => {
    const problems = Array.from({ length: 7 }, (_, i) => `/u/m5.unit.json:1:${i}: error: unknown key "${i}"`);
    const broken = [{ id: "m5", file: "/u/m5.unit.json", state: "broken" as const, problems }];
    const text = statusTable({ ...daemonInfo, notes: ["port 7870 is taken", ...problems] }, services, style, broken);
    expect(text).toContain("1 fatal, 1 broken\n");
    expect(text.split("\n").filter((line) => line.includes("error:"))).toHaveLength(5);
    expect(text).toContain("! port 7870 is taken\n");
    expect(text).toContain("\n… 2 more: `sup verify`\n");
    expect(text).toMatch(/\n× {2}m5 +broken +\/u\/m5\.unit\.json has errors\n/);
    expect(statusTable(null, [], style, broken)).toMatch(/^! .*error: [^]*\n× {2}m5 +broken/m);
  });

  test("a finished oneshot is done, a scheduled unit shows its next run, and a unit says that the one it waits for is fatal", () => {
    const schedule = { cron: "0 4 * * *", timezone: null, every_seconds: null, catch_up: false, overlap: "skip", active: true, next_run: ago(-3600), last_run: null, queued: false } as const; // prettier-ignore
    const down = { state: "stopped", pid: null, health: "unknown", type: "oneshot" } as const;
    const waiting = { state: "starting", pid: null, waiting_for: ["db", "x"], obstacles: [{ unit: "db", state: "fatal" }, { unit: "x", state: "starting" }] } as const; // prettier-ignore
    const all = [
      aService("a", { ...down, reason: "success" }),
      aService("b", { ...down, reason: "success", schedule }),
      aService("c", { ...down, reason: "none", schedule }),
      aService("d", waiting as never),
    ];
    const text = statusTable(null, all, style);
    expect(text).toMatch(/○ {2}a +done {2}/);
    expect(text).toMatch(/○ {2}b +done, next in 1h/);
    expect(text).toMatch(/○ {2}c +stopped, next in 1h/);
    expect(text).toContain("! d: Start requested. Waiting for db (fatal), x.");
  });

  test("a server that put itself into the background is told in one sentence", () => {
    const down = { state: "stopped", pid: null, reason: "success" } as const;
    const detail = "exit code 0, but it left processes in the background, which were ended: run it in the foreground";
    expect(why(aService("a", { ...down, last_exit: detail }), NOW)).toBe(`Exited successfully: ${detail}.`);
    expect(why(aService("a", { ...down, last_exit: "exit code 0" }), NOW)).toBe("Exited successfully.");
  });

  test("the last exit is a code and its cause", () => {
    const lastExit = (more: object): string | undefined => /Last exit: (.*)/.exec(statusLong(detailOf(aService("a", more)), style))?.[1];
    expect(lastExit({ last_exit: "requested by the operator", last_exit_status: "killed by SIGTERM" })).toBe(
      "killed by SIGTERM (requested by the operator)",
    );
    expect(lastExit({ last_exit: "exit code 3", last_exit_status: "exit code 3" })).toBe("exit code 3");
    expect(lastExit({ last_exit: "cannot execute", last_exit_status: null })).toBe("cannot execute");
  });

  test("no line is wider than the terminal", () => {
    const wide = [aService("web", { description: "日本語の説明 ".repeat(20) }), aService("db", { description: "x".repeat(300) })];
    const table = statusTable(daemonInfo, wide, { ...style, width: 90 })
      .split("\n\n")
      .at(-1)!;
    for (const line of table.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(90);
    expect(table).toContain("…");
  });

  test("colours do not shift columns", () => {
    const painted = statusTable(daemonInfo, services, { ...style, paint: coloured });
    expect(painted).toContain("\x1b[");
    expect(Bun.stripANSI(painted)).toBe(statusTable(daemonInfo, services, style));
  });

  test("names and descriptions cannot control the terminal", () => {
    const text = statusTable(daemonInfo, [aService("web", { description: "a\x1b[2J\tb\nc\u202e" })], style);
    expect(text).toContain("a b\\nc\\u{202e}");
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
  });

  test("without units, explains where to put unit files", () => {
    expect(statusTable(daemonInfo, [], style)).toContain("/srv/units");
  });
});

describe("the detailed status", () => {
  test("of a running unit", () => {
    const text = statusLong(detailOf(aService("web", { changed_on_disk: true, dependencies: [{ unit: "db", condition: "ready", required: false, restart: false }], labels: { team: "a" }, port: 80 })), style); // prettier-ignore
    for (const fact of [
      "● web - The web service",
      /State: running since \w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(3m 5s ago\)/,
      "Main PID: 100 (web)",
      "Children: ├─101 worker",
      "└─102 logger",
      "Uses: memory 12.3M (PSS 8.2M), cpu 0.3%, 2 tasks, 12 open files, up 3m 5s",
      "Needs: db (ready, optional)",
      "Labels: team=a",
      "Port: 80",
      "changed on disk; `sup reload` applies it",
      /Log\n {2}[\d: -]+ listening on 80$/,
    ])
      expect(text).toMatch(fact instanceof RegExp ? fact : new RegExp(fact.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  });

  test("shows the CPU and memory of each process, as far as they are known", () => {
    const processes = [
      { pid: 100, name: "web", cpu_percent: 0, memory_mb: 2048 },
      { pid: 101, name: "worker", cpu_percent: 12.34, memory_mb: 3.14 },
      { pid: 102, name: "new\x1b[2J", cpu_percent: null, memory_mb: 1 },
      { pid: 103, name: "gone", cpu_percent: null, memory_mb: null },
      { pid: 104, name: "old daemon" },
    ];
    const text = statusLong({ ...detailOf(aService("web")), processes: processes as ServiceDetail["processes"] }, style);
    expect(text).toContain("Main PID: 100 (web), cpu 0.0%, memory 2.0G\n");
    expect(text).toContain("├─101 worker, cpu 12%, memory 3.1M\n");
    expect(text).toContain("├─102 new, memory 1.0M\n");
    expect(text).toContain("├─103 gone\n");
    expect(text).toContain("└─104 old daemon\n");
  });

  test("of a unit with a bad file shows the errors", () => {
    const text = statusLong(detailOf(aService("web", { problems: ['/u/web.unit.json:1:2: unknown key "x"'] })), style);
    expect(text).toContain('Errors: /u/web.unit.json:1:2: unknown key "x"');
    expect(text).toContain("the last valid version stays in effect");
  });
});

describe("why", () => {
  test.each([
    [aService("x", { reason: "boot" }), "Running (enabled, so it starts with the daemon)."],
    [aService("x", { health: "unhealthy" }), "Running, but its health check fails."],
    [aService("x", { restart_count: 1, last_exit: "killed by SIGKILL" }), "Running again after it exited (killed by SIGKILL)."],
    [aService("x", { state: "starting", waiting_for: ["db", "mq"] }), "Start requested. Waiting for db, mq."],
    [aService("x", { state: "stopped", reason: "operator" }), "Stopped (requested by an operator)."],
    [aService("x", { state: "stopped", reason: "success" }), "Exited successfully."],
    [aService("x", { state: "backoff", reason: "exit-code", last_exit: "exit code 3", retries: 1, next_attempt: ago(-8) }), "Failed: exit code 3. Next attempt in 8s (1 of 5)."], // prettier-ignore
    [aService("x", { state: "backoff", reason: "signal", last_exit: "killed by SIGSEGV", retries: 9, max_retries: -1, next_attempt: ago(-8) }), "Killed: killed by SIGSEGV. Next attempt in 8s (retry 9)."], // prettier-ignore
    [aService("x", { state: "failed", reason: "exit-code", last_exit: "exit code 1" }), "Failed: exit code 1. Its policy does not restart it; `sup start x` does."], // prettier-ignore
    [aService("x", { state: "fatal", reason: "health", retries: 5 }), "The health check kept failing. Gave up after 5 retries; `sup start x` tries again."], // prettier-ignore
  ])("%#", (service, sentence) => {
    expect(why(service, NOW)).toBe(sentence);
  });

  test("every state has an explanation", () => {
    for (const state of STATES) expect(why(aService("x", { state, reason: "unknown" }), NOW)).toMatch(/^[A-Z].*\.$/);
  });

  test("a problem is a unit that needs attention", () => {
    expect(services.filter(isProblem).map(({ id }) => id)).toEqual(["db", "api", "old"]);
    expect(isProblem(aService("x", { state: "stopped", critical: true }))).toBe(true);
    expect(isProblem(aService("x", { problems: ["bad"] }))).toBe(true);
    expect(isProblem(aService("x", { over_limits: [{ limit: "tasks", value: 9, max: 8, text: "too many" }] }))).toBe(true);
    for (const [state, retries, wanted] of [["starting", 0, false], ["starting", 1, true], ["running", 2, false], ["running", 3, true]] as const)
      expect(isProblem(aService("x", { state, retries }))).toBe(wanted); // prettier-ignore
  });
});

describe("columns", () => {
  const options = { width: undefined, head: (text: string) => text };

  test("omits columns that are empty in every row", () => {
    const text = layOut([{ title: "A" }, { title: "B" }, { title: "C" }], [[{ text: "1" }, { text: "" }, { text: "3" }]], options);
    expect(text).toEqual(["A  C", "1  3"]);
  });

  test("numbers are right-aligned, and wide characters count as two columns", () => {
    const rows = [[{ text: "日本" }, { text: "7" }], [{ text: "a" }, { text: "100" }]]; // prettier-ignore
    expect(layOut([{ title: "N" }, { title: "X", align: "right" }], rows, options)).toEqual(["N       X", "日本    7", "a     100"]);
  });

  test("clip cuts only between characters", () => {
    expect(clip("abcdef", 4)).toBe("abc…");
    expect(clip("日本語", 4)).toBe("日…");
    expect(clip("abc", 3)).toBe("abc");
  });
});

test("a line of a raw log, which has no time, is shown as it is", () => {
  const line = { time: "", stream: "stdout", full: true, text: "as it came" } as const;
  expect(logLine(line, { paint: plain, now: NOW, width: 80 })).toBe("as it came");
  expect(fullLogLine(line, plain)).toBe("as it came");
});

describe("prefixes", () => {
  test("are aligned, coloured by unit, and the same colour every time", () => {
    const prefix = prefixer(coloured);
    prefix.expect(["web", "worker"]);
    const line = { text: "hi\x1b[2J", stream: "stdout", full: true } as const;
    const [web, worker, again] = [prefix.line("web", line), prefix.line("worker", line), prefix.line("web", line)];
    expect(Bun.stripANSI(web)).toBe("web    | hi");
    expect(Bun.stripANSI(worker)).toBe("worker | hi");
    expect(again).toBe(web);
    expect(web.slice(0, 5)).not.toBe(worker.slice(0, 5));
    expect(Bun.stripANSI(prefix.remark("web", "started"))).toBe("sup    | web: started");
  });
});

describe("times", () => {
  test("relative", () => {
    expect(relative(ago(185), NOW)).toBe("3m 5s ago");
    expect(relative(ago(-3), NOW)).toBe("in 3s");
    expect(relative(ago(0), NOW)).toBe("now");
  });

  test("omits the date only for today", () => {
    const noon = new Date(2026, 10, 22, 12, 0, 0).getTime();
    expect(shortTime(new Date(noon - 3_600_000).toISOString(), noon)).toBe("11:00:00");
    expect(shortTime(new Date(noon - 86_400_000).toISOString(), noon)).toBe("2026-11-21 12:00:00");
    expect(sinceWhen(new Date(noon - 1000).toISOString(), noon)).toBe("Sun 2026-11-22 11:59:59 (1s ago)");
  });

  test("the time of a log line is cut to milliseconds", () => {
    expect(logTime("2026-11-22T20:00:00.129999999Z")).toEndWith(":00.129");
    expect(logTime("2026-11-22T20:00:00Z")).toEndWith(":00.000");
  });

  const local = (...parts: [number, number, number, number?, number?]): number => new Date(...parts).getTime();
  const now = local(2026, 10, 22, 20, 30);
  test.each([
    ["now", now],
    ["10m", now - 600_000],
    ["1h30m ago", now - 5_400_000],
    ["90", now - 90_000],
    ["5 minutes ago", now - 300_000],
    ["1 hour 30 min ago", now - 5_400_000],
    ["2 days", now - 2 * 86_400_000],
    ["30 secs ago", now - 30_000],
    ["5 months ago", undefined],
    ["today", local(2026, 10, 22)],
    ["Yesterday", local(2026, 10, 21)],
    ["8:05", local(2026, 10, 22, 8, 5)],
    ["2026-11-20", local(2026, 10, 20)],
    ["2026-11-20 10:15", local(2026, 10, 20, 10, 15)],
    ["2026-11-20T10:15:00Z", Date.UTC(2026, 10, 20, 10, 15)],
    ["soon", undefined],
    ["25:00", undefined],
    ["2026-13-01", undefined],
    ["", undefined],
  ])("--since %s", (text, ms) => {
    expect(parseTime(text, now)).toBe(ms as number);
  });
});

test("a pattern that matches nothing is an error, even if others match", () => {
  expect(selectServices(services, ["web", "nope"])).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
  expect(selectServices(services, ["*", "web"])).toEqual({ ok: true, value: services });
});

test("memory and percent have about three digits", () => {
  expect(memory(null)).toBe("");
  expect(memory(1.23)).toBe("1.2M");
  expect(memory(345.6)).toBe("346M");
  expect(memory(1536)).toBe("1.5G");
  expect(percent(null)).toBe("");
  expect(percent(0.04)).toBe("0.0%");
  expect(percent(123.4)).toBe("123%");
});

test("settings are flattened to dotted keys; lists and empty objects stay", () => {
  expect([...flatten({ a: { b: 1, c: { d: [1] } }, e: {}, f: null })]).toEqual([["a.b", 1], ["a.c.d", [1]], ["e", {}], ["f", null]]); // prettier-ignore
});

describe("colours", () => {
  const host = (env: Record<string, string>, terminal: boolean) => ({ env, isTerminal: () => terminal });
  test.each([
    [{}, true, undefined, true],
    [{}, false, undefined, false],
    [{ NO_COLOR: "1" }, true, undefined, false],
    [{ NO_COLOR: "" }, true, undefined, true],
    [{ FORCE_COLOR: "1" }, false, undefined, true],
    [{ FORCE_COLOR: "0" }, true, undefined, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, true, undefined, false],
    [{ FORCE_COLOR: "1" }, true, false, false],
    [{ TERM: "dumb" }, true, undefined, false],
  ] as const)("%j, terminal %p, --no-color %p: %p", (env, terminal, option, wanted) => {
    expect(wantsColour(host(env, terminal), option)).toBe(wanted);
  });
});

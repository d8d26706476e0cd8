/** The full screen of `sup top`: what keys do, what a frame shows, and the whole command on a terminal that is not there. */
import { describe, expect, test } from "bun:test";
import { applyChange, emptyView } from "../../src/api/contract/view.ts";
import { frame, pageOf } from "../../src/cli/top/frame.ts";
import { listRows } from "../../src/cli/top/list.ts";
import { press } from "../../src/cli/top/press.ts";
import type { TopState } from "../../src/cli/top/state.ts";
import { plain } from "../../src/cli/render/paint.ts";
import type { Service } from "../../src/api/contract/shapes.ts";
import { FakeDaemon, Failure, sup } from "./fake.ts";
import { aService, ago, daemonInfo, NOW } from "./fixtures.ts";

const unit = (number: number): Service => aService(`web@${number}`, { service: "web", instance: number, groups: ["shop"] });
const services = [
  aService("api", { cpu_percent: 150, memory_mb: 20 }),
  unit(1),
  unit(2),
  aService("db", { state: "fatal", pid: null, cpu_percent: null, memory_mb: null, start_time: null, critical: true }),
  aService("cache", { health: "unhealthy" }),
];
const status = { daemon: daemonInfo, services };
const view = applyChange(emptyView(), 1, { kind: "snapshot", data: status });
const STATE: TopState = {
  ...{ view, order: "trouble", filter: "", selected: "db", pane: "log", isZoomed: false, isHelp: false },
  ...{ prompt: null, scroll: 0, notice: null, trouble: null },
};
const rowsOf = (state: TopState) => listRows(state.view, state.order, state.filter, NOW);
const idsOf = (state: TopState): string[] => rowsOf(state).map(({ service }) => service.id);
const keys = (text: string[], from: TopState = STATE): TopState =>
  text.reduce((state, key) => press(state, key, rowsOf(state), 10).state, from);

describe("keys", () => {
  test("units in trouble come first, critical ones before others; units stand below their service", () => {
    expect(idsOf(STATE)).toEqual(["db", "cache", "api", "web", "web@1", "web@2"]);
    expect(idsOf(keys(["o"]))[0]).toBe("api");
  });

  test("the selection moves, stops at both ends, and follows its unit when the order changes", () => {
    expect(keys(["down", "j"]).selected).toBe("api");
    expect(keys(["end", "down"]).selected).toBe("web@2");
    expect(keys(["G", "g", "up"]).selected).toBe("db");
    expect(keys(["o", "o"]).selected).toBe("db");
  });

  test("a filter matches ids, states, health and groups; Escape clears it, Enter keeps it", () => {
    expect(idsOf(keys(["/", ..."unhea"]))).toEqual(["cache"]);
    expect(idsOf(keys(["/", ..."@SHOP", "enter"]))).toEqual(["web", "web@1", "web@2"]);
    expect(keys(["/", ..."xq", "backspace", "enter"])).toMatchObject({ filter: "x", prompt: null });
    expect(keys(["/", ..."x", "escape"]).filter).toBe("");
    expect(keys(["/", ..."x", "enter", "escape"]).filter).toBe("");
  });

  test("a start acts at once, a stop and a restart ask first, and only `y` agrees", () => {
    const last = (text: string[], last: string) => press(keys(text), last, rowsOf(STATE), 10);
    expect(last([], "s").effect).toEqual({ kind: "act", action: "start", id: "db" });
    expect(last([], "x")).toMatchObject({ state: { prompt: { action: "stop", id: "db" } } });
    expect(last([], "x").effect).toBeUndefined();
    expect(last(["x"], "y").effect).toEqual({ kind: "act", action: "stop", id: "db" });
    expect(last(["r"], "y").effect).toEqual({ kind: "act", action: "restart", id: "db" });
    for (const key of ["n", "enter", "x", "q", "escape"]) expect(last(["x"], key)).toEqual({ state: keys([]) });
    expect(press({ ...STATE, selected: null }, "s", [], 10).effect).toBeUndefined();
  });

  test("panes, scrolling, zoom and help", () => {
    expect([keys(["tab"]).pane, keys(["tab", "tab", "tab"]).pane, keys(["w"]).pane, keys(["e"]).pane]).toEqual(["events", "log", "why", "events"]); // prettier-ignore
    expect(keys(["pageup", "pageup", "pagedown"]).scroll).toBe(10);
    expect(keys(["pageup", "f"])).toMatchObject({ scroll: 0, pane: "log" });
    expect(keys(["w", "pageup", "pagedown"]).scroll).toBe(10);
    expect(keys(["enter"]).isZoomed).toBe(true);
    expect(keys(["enter", "escape"]).isZoomed).toBe(false);
    expect(keys(["?", "x"])).toMatchObject({ isHelp: false, prompt: null });
  });

  test("q and Ctrl-C quit; Escape does not", () => {
    const effect = (state: TopState, key: string) => press(state, key, rowsOf(state), 10).effect;
    expect([effect(STATE, "q"), effect(keys(["/"]), "ctrl-c")]).toEqual([{ kind: "quit" }, { kind: "quit" }]);
    expect([effect(STATE, "escape"), effect(keys(["/"]), "q")]).toEqual([undefined, undefined]);
  });
});

describe("frames", () => {
  const draw = (state: TopState, columns: number, height: number, detail: string[] = []): string[] =>
    frame({ state, rows: rowsOf(state), detail, columns, height, paint: plain, now: NOW });
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);

  test.each([
    [80, 24],
    [200, 60],
    [60, 20],
    [40, 10],
    [20, 5],
  ])("at %d×%d every line has exactly the width, and there are not too many", (columns, height) => {
    for (const state of [STATE, keys(["?"]), keys(["enter"]), keys(["/", ..."none"]), keys(["x"])]) {
      const drawn = draw(state, columns, height, lines);
      expect(drawn.length).toBeLessThanOrEqual(height);
      expect(new Set(drawn.map((line) => Bun.stringWidth(line)))).toEqual(new Set([columns]));
    }
  });

  test("80×24 has the units at the left, the end of the log at the right, and all keys", () => {
    const drawn = draw(STATE, 80, 24, lines);
    expect(drawn).toHaveLength(24);
    expect(drawn[0]).toContain("4 of 5 running  2 in trouble");
    expect(drawn[1]).toMatch(/^ {3}UNIT +STATE +CPU +MEM │ \[log\] events {2}why {2}db/);
    expect(drawn[2]).toMatch(/^>× db +fatal +│ /);
    expect(drawn[3]).toMatch(/^ ● cache +unhealthy .*│ line 80 +$/);
    expect(drawn[22]).toMatch(/│ line 99 +$/);
    expect(drawn[23]).toContain("q quit");
  });

  test("a narrow terminal has the detail below the list; zoomed, it has the detail alone, for copying", () => {
    expect(draw(STATE, 60, 20, lines).join("\n")).not.toContain("│");
    expect(draw(STATE, 60, 20, lines)[18]).toMatch(/^line 99 +$/);
    const zoomed = draw(keys(["enter"]), 200, 10, ["a ".repeat(90)]);
    expect(zoomed[3]!.trimEnd()).toBe("a ".repeat(90).trimEnd());
  });

  test("scrolling shows earlier lines, and never leaves the text", () => {
    expect(pageOf({ state: STATE, columns: 80, height: 24 })).toBe(20);
    expect(draw({ ...STATE, scroll: 20 }, 80, 24, lines)[3]).toContain("line 60");
    expect(draw({ ...STATE, scroll: 1000 }, 80, 24, lines)[3]).toContain("line 0");
    expect(draw({ ...STATE, pane: "why", scroll: 1000 }, 80, 24, lines)[22]).toContain("line 99");
  });

  test("a list that is longer than the screen shows the selected unit", () => {
    const many = Array.from({ length: 1000 }, (_, i) => aService(`unit-${String(i).padStart(4, "0")}`));
    const big = applyChange(emptyView(), 1, { kind: "snapshot", data: { daemon: daemonInfo, services: many } });
    const drawn = draw({ ...STATE, view: big, selected: "unit-0999" }, 80, 24);
    expect(drawn[22]).toMatch(/^>● unit-0999/);
  });

  test("the daemon is gone: the old data stay, with the reason above", () => {
    const drawn = draw({ ...STATE, trouble: "cannot reach the daemon" }, 80, 24);
    expect(drawn[0]).toContain("cannot reach the daemon (old data; trying again every second)");
    expect(drawn[2]).toContain("db");
  });
});

describe("the command", () => {
  const stream = (...bodies: string[]) => ({
    eventStream: () => {
      const text = bodies.shift();
      if (text === undefined) return new Failure("not-ready", "the daemon is shutting down");
      return new Response(new ReadableStream({ start: (control) => control.enqueue(new TextEncoder().encode(text)) }), {
        headers: { "content-type": "text/event-stream" },
      });
    },
  });
  const snapshot = `id: 1\nevent: snapshot\ndata: ${JSON.stringify(status)}\n\n`;
  const logs = (): Response =>
    new Response(
      new ReadableStream({
        start: (control) =>
          control.enqueue(new TextEncoder().encode(`{"time":"${ago(5)}","stream":"stdout","full":true,"text":"missing KEY\\u001b[2J"}\n`)),
      }),
      { headers: { "content-type": "application/x-ndjson" } },
    );

  /** Presses the keys one after the other, each as soon as the output contains its text. */
  async function play(daemon: FakeDaemon, steps: Array<readonly [seen: string, key: string]>) {
    let press: (text: string) => void = () => {};
    let from = 0;
    const onOut = (out: string): void => {
      const [seen, key] = steps[0] ?? [];
      if (seen === undefined || !out.slice(from).includes(seen)) return;
      steps.shift();
      from = out.length;
      press(key!);
    };
    const keyboard = (onKey: (key: string) => void): (() => void) => ((press = onKey), () => {});
    const host = { isTerminal: () => true, keys: keyboard, rows: () => 24, columns: () => 80 };
    return sup(daemon, ["top", "--no-color"], { host, onOut });
  }

  test("shows the log of the selected unit without its escape sequences, acts, and restores the screen", async () => {
    const outcomes = [{ id: "db", result: "pending", state: "fatal", message: "" }];
    await using daemon = new FakeDaemon({ ...stream(snapshot), serviceLogs: logs, jobs: () => ({ outcomes, warnings: [] }) });
    const { code, out } = await play(daemon, [
      ["missing KEY", "s"],
      ["db: start requested", "x"],
      ["Stop db?", "n"],
      ["↑↓ select", "q"],
    ]);
    expect(code).toBe(0);
    expect(out).toStartWith("\x1b[?1049h\x1b[?25l\x1b[?7l");
    expect(out).toEndWith("\x1b[?7h\x1b[?25h\x1b[?1049l");
    expect(out).not.toContain("\x1b[2J");
    expect(daemon.asked.filter(({ name }) => name === "jobs").map(({ body }) => body)).toEqual([
      { action: "start", units: ["db"], wait: false },
    ]);
  });

  test("without a daemon it says so, and leaves the screen as it was", async () => {
    await using daemon = new FakeDaemon(null);
    const { code, out, err } = await play(daemon, []);
    expect(code).toBe(5);
    expect(out).toEndWith("\x1b[?1049l");
    expect(err).toContain("cannot reach the daemon");
  });
});

import { describe, expect, test } from "bun:test";
import { type Figure, peersAhead, ratioOf, type Results, valueOf } from "../../bench/all/figures.ts";
import { withSection } from "../../bench/documents.ts";
import { missing } from "../../bench/peers/peer.ts";
import { barChart } from "../../bench/svg/bars.ts";
import { lineChart } from "../../bench/svg/lines.ts";
import { ticksTo } from "../../bench/svg/theme.ts";

const results = (name: string, ...values: readonly number[]): Results => ({
  peer: missing(name, "not there"),
  runs: values.map((stopMs) => ({ peer: missing(name, ""), stopMs, troubles: [] })),
  logs: [],
  notes: [],
});
const figure = (isMoreBetter?: true): Figure => ({
  file: "stop",
  title: "Stop",
  unit: "ms",
  digits: 1,
  ...(isMoreBetter && { isMoreBetter }),
  values: ({ runs }) => runs.map(({ stopMs }) => stopMs!),
});

describe("figures of several runs", () => {
  test("the value is the median, and null if nothing was measured", () => {
    expect(valueOf(figure(), results("sup", 3, 100, 4))).toBe(4);
    expect(valueOf(figure(), results("sup"))).toBeNull();
  });

  test("peers that are ahead come in order, and those without a value are left out", () => {
    const others = [results("slow", 9), results("fast", 2), results("faster", 1), results("absent")];
    const names = (one: Figure): string[] => peersAhead(one, results("sup", 5), others).map(({ peer }) => peer.name);
    expect(names(figure())).toEqual(["faster", "fast"]);
    expect(names(figure(true))).toEqual(["slow"]);
  });

  test("a ratio compares the values of the same turn", () => {
    expect(ratioOf(figure(), results("sup", 2, 30, 400), results("loop", 1, 10, 100))).toEqual({ median: 3, least: 2, most: 4 });
    expect(ratioOf(figure(), results("sup", 1), results("loop"))).toBeNull();
  });
});

describe("charts", () => {
  const bars = (...values: ReadonlyArray<number | null>): string =>
    barChart({ title: "a < b & c", unit: "ms", bars: values.map((value, n) => ({ name: `p${n}`, value, style: "peer" })) });
  const widths = (svg: string): number[] => [...svg.matchAll(/class="peer" [^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));

  test("a bar is as long as its value says", () => {
    const [one, two] = widths(bars(10, 5));
    expect(one).toBeCloseTo(two! * 2, 0);
  });

  test("values that differ very much get a logarithmic axis, and 0 gets a bar that is visible", () => {
    const svg = bars(0, 1, 10, 1000);
    const [none, , ten, most] = widths(svg);
    expect(svg).toContain("logarithmic axis");
    expect(none).toBe(1);
    expect(ten! / most!).toBeGreaterThan(0.3);
  });

  test("a value that was not measured has a reason instead of a bar", () => {
    const svg = barChart({ title: "t", unit: "ms", bars: [{ name: "a", value: null, why: "not installed", style: "peer" }] });
    expect(widths(svg)).toEqual([]);
    expect(svg).toContain(">not installed</text>");
  });

  test("titles are escaped", () => {
    expect(bars(1)).toContain("a &lt; b &amp; c");
  });

  test("a line goes through its points, from left to right and upwards", () => {
    const points = [0, 10, 20].map((x) => ({ x, y: x * 2 }));
    const path = /d="M([\d.]+) ([\d.]+) L([\d.]+) ([\d.]+) L([\d.]+) ([\d.]+)"/.exec(
      lineChart({ title: "t", unit: "s", xTitle: "x", points }),
    );
    const [x1, y1, x2, y2, x3, y3] = path!.slice(1).map(Number);
    expect(x2! - x1!).toBeCloseTo(x3! - x2!, 0);
    expect(y1! - y2!).toBeCloseTo(y2! - y3!, 0);
    expect(y3!).toBeLessThan(y1!);
  });

  test.each([
    [0, [0, 1]],
    [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [7, [0, 2, 4, 6, 8]],
    [140, [0, 50, 100, 150]],
  ])("ticks up to %p", (most, ticks) => {
    expect(ticksTo(most).map((tick) => Math.round(tick * 10) / 10)).toEqual(ticks);
  });
});

describe("the part of a document that a benchmark writes", () => {
  const [begin, end] = ["<!-- written by: npm run bench -- all --write -->", "<!-- end of all -->"];

  test("is replaced, and the rest stays", () => {
    expect(withSection(`a\n${begin}\n\nold\n\n${end}\nb\n`, "all", "new")).toBe(`a\n${begin}\n\nnew\n\n${end}\nb\n`);
  });

  test("must be there", () => {
    expect(() => withSection(`${end} ${begin}`, "all", "new")).toThrow("cannot write the result");
    expect(() => withSection(`${begin} ${end}`, "units", "new")).toThrow("cannot write the result");
  });
});

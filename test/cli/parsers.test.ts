import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { THEMES } from "../../src/cli/table/command-row.ts";
import { COMMANDS } from "../../src/cli/table/commands.ts";
import { parseFast } from "../../src/cli/parse/fast-parser.ts";
import { GLOBAL, OPTIONS, spellings, type OptionName, type OptionRow } from "../../src/cli/table/options.ts";
import { parseFully } from "../../src/cli/parse/full-parser.ts";
import type { Host } from "../../src/cli/host.ts";

const silent = { env: {}, write: () => {}, columns: () => 80, isTerminal: () => false } as unknown as Host;

describe("the command table", () => {
  test("names and aliases are unique", () => {
    const names = COMMANDS.flatMap((row) => [row.name, ...(row.aliases ?? [])]);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(COMMANDS.map((row) => [row.name, row] as const))("%s has a theme, an example of its own and a module", async (_, row) => {
    expect(THEMES).toContain(row.theme);
    expect(row.examples.length).toBeGreaterThan(0);
    expect((await row.load()).run).toBeFunction();
  });

  test.each(COMMANDS.flatMap((row) => row.examples).filter((example) => /^sup [^|&>]*$/.test(example)))(
    "the example `%s` is understood",
    (example) => {
      const argv = example.split(" ").slice(1).map((word) => word.replaceAll("'", "")); // prettier-ignore
      expect(typeof parseFully(argv, silent)).toBe("object");
    },
  );

  test("keys of the options are their long names", () => {
    for (const [key, row] of Object.entries(OPTIONS) as Array<[string, OptionRow]>) {
      if (row.shared) continue;
      const { long } = spellings(row);
      expect(long.replace(/^--(no-)?/, "").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())).toBe(key);
    }
  });
});

describe("the fast parser", () => {
  const words = fc.constantFrom("web", "db", "@shop", "w*", "start", "status", "5", "-", "--", "-x", "-n5", "--lines=3", "--json=1", "");
  const spelling = fc.constantFrom(...(Object.keys(OPTIONS) as OptionName[])).chain((name) => {
    const row: OptionRow = OPTIONS[name];
    const { short, long } = spellings(row);
    const values = fc.constantFrom("7", "abc", "-v", "");
    if (row.kind === "flag") return fc.constantFrom(...[long, short].filter((text) => text !== undefined)).map((text) => [text]);
    return fc.oneof(
      values.map((value) => [short ?? long, value]),
      values.map((value) => [`${long}=${value}`]),
    );
  });
  const command = fc.constantFrom(...COMMANDS.map((row) => row.name), "daemon-reload", "nonsense");
  const tokens = fc.array(
    fc.oneof(
      spelling,
      words.map((word) => [word]),
    ),
    { maxLength: 5 },
  );

  const few = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(spelling, { maxLength: 2 }) });

  test("commander parses what it accepts in the same way", () => {
    let answered = 0;
    fc.assert(
      fc.property(few, command, tokens, (before, name, after) => {
        const argv = [...before.flat(), name, ...after.flat()];
        const fast = parseFast(argv);
        if (!fast) return;
        answered++;
        const full = parseFully(argv, silent);
        if (typeof full === "number") throw new Error(`commander refuses ${argv.join(" ")}`);
        expect({ row: fast.command.name, args: fast.args, options: fast.options }).toEqual({ row: full.command.name, args: full.args, options: full.options }); // prettier-ignore
      }),
      { numRuns: 2000 },
    );
    expect(answered).toBeGreaterThan(100);
  });

  test.each([
    [["status"], {}],
    [["status", "web", "--json"], { json: true }],
    [["--json", "status"], { json: true }],
    [["stop", "--cascade", "web", "--no-wait"], { cascade: true, wait: false }],
    [["logs", "-f", "-n", "5", "web"], { follow: true, lines: 5 }],
    [["logs", "--lines=0", "web"], { lines: 0 }],
    [["verify", "--units", "a", "--units=b"], { units: ["a", "b"] }],
  ] as const)("accepts %j", (argv, options) => {
    expect(parseFast(argv)?.options).toEqual(options as never);
  });

  test.each([
    [["help"]],
    [["status", "--help"]],
    [["start"]],
    [["nonsense"]],
    [["start", "web", "--cascade"]],
    [["daemon", "dance"]],
    [["-q", "start", "web"]],
    [["logs", "-n", "x", "web"]],
  ] as const)("leaves %j to commander", (argv) => {
    expect(parseFast(argv)).toBeNull();
  });
});

test("global options are options", () => {
  for (const name of GLOBAL) expect(OPTIONS[name]).toBeDefined();
});

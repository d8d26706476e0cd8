import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_DEPTH, MAX_LENGTH, parse } from "../../../src/spec/parse/parse.ts";
import { nodeAt, Source, toValue } from "../../../src/spec/parse/tree.ts";

const read = (text: string) => parse(new Source("f", text));
const value = (text: string): unknown => {
  const parsed = read(text);
  if (!parsed.ok) throw new Error(parsed.error[0]!.message);
  return toValue(parsed.value);
};

describe("accepted documents", () => {
  test("plain JSON gives the same value as JSON.parse", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(0, 2, "\t"), (json, indent) => {
        fc.pre(!json.includes("__proto__"));
        const expected: unknown = JSON.parse(json);
        expect(value(json)).toEqual(expected);
        expect(value(JSON.stringify(expected, null, indent))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("anything that JSON.parse refuses is refused too, except comments and trailing commas", () => {
    const pieces = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', "1", "-", "true", "nul", " ", "\n", "\\", '"', "'", "e5", ".");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        const ours = read(text);
        let theirs = true;
        try {
          JSON.parse(text);
        } catch {
          theirs = false;
        }
        if (!theirs && ours.ok) expect(text).toMatch(/,\s*[}\]]/);
        // JSON.parse keeps the last of two equal keys, and turns 1e511 into Infinity
        if (theirs && !ours.ok) expect(ours.error[0]!.message).toMatch(/duplicate key|number/);
      }),
      { numRuns: 2000 },
    );
  });

  test("every error of any input has a position inside the input", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const parsed = read(text);
        if (parsed.ok) return;
        for (const { offset } of parsed.error) expect(offset).toBeWithin(0, text.length + 1);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["line comments", '{ // c\n "a": 1 // d\n}', { a: 1 }],
    ["block comments", '/* x */{"a"/**/:/* " */1}', { a: 1 }],
    ["trailing commas", '{"a":[1,2,],}', { a: [1, 2] }],
    ["a byte order mark", '\uFEFF{"a":1}', { a: 1 }],
    ["comment markers inside strings", '{"a":"// no /* comment */"}', { a: "// no /* comment */" }],
    ["escapes", '"\\u00e9\\n\\"\\/"', 'é\n"/'],
    ["Windows line ends", '{\r\n"a":1\r\n}', { a: 1 }],
  ])("accepts %s", (_, text, expected) => {
    expect<unknown>(value(text)).toEqual(expected);
  });

  test("every value knows its line and column", () => {
    const parsed = read('\uFEFF{\n  "a": {\n    "b": [1,\n 22]\n}}');
    if (!parsed.ok) throw new Error("unreadable");
    const at = (...path: Array<string | number>) => {
      const node = nodeAt(parsed.value, path)!;
      return node.source.position(node.start);
    };
    expect(at()).toEqual({ line: 1, column: 1 });
    expect(at("a", "b")).toEqual({ line: 3, column: 10 });
    expect(at("a", "b", 1)).toEqual({ line: 4, column: 2 });
  });
});

describe("refused documents: position, message and hint", () => {
  test.each<[string, string, string, string, string | null]>([
    ["an empty file", " \n", "2:1", "the file is empty", "smallest"],
    ["single quotes around a string", "{\"a\": 'x'}", "1:7", "strings need double quotes", '"…"'],
    ["single quotes around a key", "{'a': 1}", "1:2", "keys need double quotes, not single ones", null],
    ["a bare key", "{\n  restart: 1}", "2:3", "keys need double quotes", 'write "restart"'],
    ["a missing comma, reported where it belongs", '{"a": 1\n "b": 2}', "1:8", "missing comma", "line 1, column 8"],
    ["a missing comma in a list", '["a" "b"]', "1:5", "missing comma", "comma"],
    ["two commas", '{"a":1,,}', "1:8", "unexpected comma", null],
    ["a comma first in a list", "[,1]", "1:2", "unexpected comma", null],
    [
      "an open brace at the end, with the place where it was opened",
      '{"a": {\n "b": 1',
      "2:8",
      'the "{" opened at line 1, column 7 is never closed',
      'missing "}"',
    ],
    ["an open bracket at the end", '["a", ', "1:7", 'the "[" opened at line 1, column 1 is never closed', 'missing "]"'],
    ["the wrong closing bracket", '{"a": [1}', "1:9", 'expected "]" to close the "[" opened at line 1, column 7, found "}"', null],
    ["something after the end", '{"a":1} x', "1:9", "after the end of the document", null],
    ["an equals sign", '{"a" = 1}', "1:6", 'expected ":" after the key "a", found "="', null],
    ["a key without a value", '{"a": }', "1:7", 'the key "a" has no value', null],
    ["NaN", '{"a": NaN}', "1:7", "JSON has no NaN", "omit the key"],
    ["-Infinity", "[-Infinity]", "1:2", "not a JSON number", null],
    ["True", "[True]", "1:2", "unknown word True", "did you mean true?"],
    ["yes", "[yes]", "1:2", "unknown word yes", "did you mean true?"],
    ["a bare word", '{"a": node}', "1:7", "unknown word node", '"node"'],
    ["a bare path", '{"a": /bin/true}', "1:7", 'unexpected "/"', "comments"],
    ["a number with a leading zero", "[010]", "1:2", '"010" is not a JSON number', "write 10"],
    ["a number with a plus sign", "[+5]", "1:2", '"+5" is not a JSON number', "write 5"],
    ["a number that begins with a point", "[.5]", "1:2", '".5" is not a JSON number', "write 0.5"],
    ["a number with a unit", "[10s]", "1:2", '"10s" is not a JSON number', "seconds"],
    ["a number that is too large", "[1e999]", "1:2", "too large", null],
    ["a tab in a string", '["a\tb"]', "1:4", "a tab in a string must be written \\t", null],
    ["a control character in a string", '["a\u0001b"]', "1:4", "must be written \\u0001", null],
    ["a string with a line break", '["abc\n"]', "1:2", "not closed on its line", "\\n"],
    ["an unknown escape", '["a\\x"]', "1:4", "\\x is not a JSON escape", "\\\\"],
    ["half a \\u escape", '["\\u12"]', "1:3", "four hexadecimal digits", null],
    ["a comment that never ends", "{} /* x", "1:4", "the comment is never closed", "*/"],
    ["a shell comment", "# x\n{}", "1:1", 'unexpected "#"', "//"],
    ["__proto__", '{"__proto__": 1}', "1:2", "not allowed", null],
  ])("%s", (_, text, position, message, hint) => {
    const source = new Source("f", text);
    const parsed = parse(source);
    if (parsed.ok) throw new Error("it was accepted");
    const problem = parsed.error.at(-1)!;
    const { line, column } = source.position(problem.offset);
    expect(`${line}:${column}`).toBe(position);
    expect(problem.message).toContain(message);
    if (hint === null) expect(problem.hint).toBeNull();
    else expect(problem.hint).toContain(hint);
  });

  test("all duplicate keys are reported with both positions, also when a syntax error follows", () => {
    const parsed = read('{"a":1,\n"a":2,"b":{"c":1,"c":2}, oops');
    if (parsed.ok) throw new Error("it was accepted");
    expect(parsed.error.map(({ message }) => message)).toEqual([
      'duplicate key "a", first at line 1, column 2',
      'duplicate key "c", first at line 2, column 12',
      "keys need double quotes",
    ]);
  });

  test.each([
    ["systemd", "# a comment\n\n[Unit]\nDescription=Web\n"],
    ["supervisord", "; a comment\n[program:web]\n; another\ncommand = node server.js\n"],
    ["an empty section first", "[Unit]\n[Service]\n"],
    ["keys without a section", "command=node\n"],
    ["Windows line ends", "[Service]\r\nExecStart=/bin/true\r\n"],
  ])("an INI file is recognised: %s", (_, text) => {
    const parsed = read(text);
    expect(parsed.ok ? [] : parsed.error).toMatchObject([{ message: "this is an INI file (supervisord or systemd?), not JSON" }]);
  });

  test.each(["[True]", "[\nweb\n]", '["a",\n"b"', '{\n"a"=1}', "[a]\n{}"])("broken JSON is not taken for an INI file: %j", (text) => {
    const parsed = read(text);
    expect(parsed.ok ? "" : parsed.error[0]!.message).not.toContain("INI");
    expect(parsed.ok).toBe(false);
  });

  test("a document can be nested 64 levels deep", () => {
    expect(MAX_DEPTH).toBe(64);
    expect(read("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH)).ok).toBe(true);
  });

  test.each([
    ["[", 100_000],
    ['{"a":', 100_000],
    ["[", 65],
  ])("deeper nesting is an error with a position: %s, %d times", (open, times) => {
    const parsed = read(`{"a":\n${open.repeat(times)}`);
    // The outer object is the first level, so level 65 opens in the 64th repetition.
    expect(parsed).toEqual({
      ok: false,
      error: [{ offset: 6 + 63 * open.length, message: "nested deeper than 64 levels", hint: null }],
    });
  });

  test("size has a limit", () => {
    const big = read(`"${"x".repeat(MAX_LENGTH)}"`);
    expect(big.ok ? "" : big.error[0]!.message).toContain("1 MiB");
  });
});

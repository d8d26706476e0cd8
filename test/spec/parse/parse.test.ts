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

describe("what is read", () => {
  test("plain JSON reads as JSON.parse reads it", () => {
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

  test("what JSON.parse refuses is refused too, unless it is a comment or a trailing comma", () => {
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
        // JSON.parse takes the last of two keys, and makes Infinity of 1e511
        if (theirs && !ours.ok) expect(ours.error[0]!.message).toMatch(/duplicate key|number/);
      }),
      { numRuns: 2000 },
    );
  });

  test("any text at all gives an answer with a position inside it", () => {
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
    ["comment signs inside texts", '{"a":"// no /* comment */"}', { a: "// no /* comment */" }],
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

describe("what is refused, where, and how it is said", () => {
  test.each<[string, string, string, string, string | null]>([
    ["an empty file", " \n", "2:1", "the file is empty", "smallest"],
    ["single quotes around a text", "{\"a\": 'x'}", "1:7", "texts need double quotes", '"…"'],
    ["single quotes around a key", "{'a': 1}", "1:2", "keys need double quotes, not single ones", null],
    ["a bare key", "{\n  restart: 1}", "2:3", "keys need double quotes", 'write "restart"'],
    ["a missing comma, told where it belongs", '{"a": 1\n "b": 2}', "1:8", "missing comma", "line 1, column 8"],
    ["a missing comma in a list", '["a" "b"]', "1:5", "missing comma", "comma"],
    ["two commas", '{"a":1,,}', "1:8", "unexpected comma", null],
    ["a comma first in a list", "[,1]", "1:2", "unexpected comma", null],
    [
      "an open brace at the end, told where it was opened",
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
    ["NaN", '{"a": NaN}', "1:7", "JSON has no NaN", "leave the key out"],
    ["-Infinity", "[-Infinity]", "1:2", "not a number", null],
    ["True", "[True]", "1:2", "unknown word True", "did you mean true?"],
    ["yes", "[yes]", "1:2", "unknown word yes", "did you mean true?"],
    ["a bare text", '{"a": node}', "1:7", "unknown word node", '"node"'],
    ["a bare path", '{"a": /bin/true}', "1:7", 'unexpected "/"', "comments"],
    ["a number with a leading zero", "[010]", "1:2", '"010" is not a number', "write 10"],
    ["a number with a plus sign", "[+5]", "1:2", '"+5" is not a number', "write 5"],
    ["a number that begins with a point", "[.5]", "1:2", '".5" is not a number', "write 0.5"],
    ["a number with a unit", "[10s]", "1:2", '"10s" is not a number', "seconds"],
    ["a number beyond all bounds", "[1e999]", "1:2", "too large", null],
    ["a tab in a text", '["a\tb"]', "1:4", "a tab in a string must be written \\t", null],
    ["a control character in a text", '["a\u0001b"]', "1:4", "must be written \\u0001", null],
    ["a text that goes over the line", '["abc\n"]', "1:2", "not closed on its line", "\\n"],
    ["an unknown escape", '["a\\x"]', "1:4", "\\x is no escape", "\\\\"],
    ["half a \\u escape", '["\\u12"]', "1:3", "four hexadecimal digits", null],
    ["a comment that never ends", "{} /* x", "1:4", "the comment is never closed", "*/"],
    ["a shell comment", "# x\n{}", "1:1", 'unexpected "#"', "//"],
    ["__proto__", '{"__proto__": 1}', "1:2", "not allowed", null],
  ])("%s", (_, text, position, message, hint) => {
    const source = new Source("f", text);
    const parsed = parse(source);
    if (parsed.ok) throw new Error("it was accepted");
    const slip = parsed.error.at(-1)!;
    const { line, column } = source.position(slip.offset);
    expect(`${line}:${column}`).toBe(position);
    expect(slip.message).toContain(message);
    if (hint === null) expect(slip.hint).toBeNull();
    else expect(slip.hint).toContain(hint);
  });

  test("duplicate keys are all told, with both positions, also when a slip follows", () => {
    const parsed = read('{"a":1,\n"a":2,"b":{"c":1,"c":2}, oops');
    if (parsed.ok) throw new Error("it was accepted");
    expect(parsed.error.map(({ message }) => message)).toEqual([
      'duplicate key "a", first at line 1, column 2',
      'duplicate key "c", first at line 2, column 12',
      "keys need double quotes",
    ]);
  });

  test("depth and size have limits", () => {
    expect(read("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH)).ok).toBe(true);
    const deep = read("[".repeat(100_000));
    expect(deep.ok ? "" : deep.error[0]!.message).toBe(`nested more than ${MAX_DEPTH} levels deep`);
    const big = read(`"${"x".repeat(MAX_LENGTH)}"`);
    expect(big.ok ? "" : big.error[0]!.message).toContain("1 MiB");
  });
});

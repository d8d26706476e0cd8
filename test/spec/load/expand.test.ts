import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseDotenv } from "../../../src/spec/load/dotenv.ts";
import { composeEnvironment } from "../../../src/spec/load/environment.ts";
import { expandCommand, expandEnvironmentFiles, expandExec, expandProbe } from "../../../src/spec/load/expand.ts";
import { checkText, escapeText, expandText, specifiersFor } from "../../../src/spec/load/specifiers.ts";
import { bad, good } from "../fixtures.ts";

const specifiers = specifiersFor("web@1", { home: "/home/u", state: "/s", logs: "/l", runtime: "/r" });
const env = { A: "1", EMPTY: "", PORT: "8080" };

describe("specifiers and variables", () => {
  test.each([
    ["%n|%i|%h|%S|%L|%t|%%", "web@1|1|/home/u|/s|/l|/r|%"],
    ["${A}-${A}", "1-1"],
    ["${EMPTY}", ""],
    ["${EMPTY:-d}", "d"],
    ["${NOPE:-d}", "d"],
    ["${NOPE:-}", ""],
    ["${NOPE:-${A}%i}", "11"],
    ["$$A $${A} $A $ a$ $$", "$$A ${A} $A $ a$ $$"],
    ["100%%", "100%"],
  ])("%s", (text, expected) => {
    expect(expandText(text, env, specifiers)).toEqual({ ok: true, value: expected });
    expect(checkText(text)).toBeNull();
  });

  test("a variable that is not set is an error, never empty", () => {
    const result = expandText("x${NOPE}", env, specifiers);
    expect(result.ok ? "" : result.error).toContain("the variable NOPE is not set");
    expect(expandText("${toString}", env, specifiers).ok).toBe(false);
  });

  test.each([
    ["a%q", 1, 'unknown specifier "%q"'],
    ["50%", 2, 'ends with a single "%"'],
    ["${A", 0, "${A is never closed"],
    ["x${}", 1, "not followed by a variable name"],
    ["${A-b}", 0, '${A is followed by "-"'],
    ["${A:-b", 0, "${A:- is never closed"],
    ["${A:-%q}", 5, 'unknown specifier "%q"'],
  ])("malformed: %s", (text, at, message) => {
    const problem = checkText(text)!;
    expect(problem.at).toBe(at);
    expect(problem.message).toContain(message);
  });

  test("a syntax error is reported at its position in the file, with escapes counted", () => {
    expect(bad('{"command": "x",\n "args": ["ok", "\\u0041\\"%q"]}')).toMatchObject([
      { line: 2, column: 26, key: "args[1]", message: 'unknown specifier "%q"' },
    ]);
    expect(bad({ command: "x", environment: { A: "${" } })[0]!.key).toBe("environment.A");
    expect(bad({ command: "x", health_check: { type: "http", endpoint: "http://h/a%20b" } })[0]!.hint).toContain("%%");
    expect(good({ command: "x", description: "100% ${" }).spec.description).toBe("100% ${");
  });

  test("a string that passes the check at load never has a syntax error at start", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("%", "n", "$", "{", "}", "A", ":-", "x"), { maxLength: 10 }), (parts) => {
        const text = parts.join("");
        const filled = expandText(text, { A: "1", n: "2", An: "3", nA: "4", x: "5" }, specifiers);
        if (checkText(text) === null && !filled.ok) expect(filled.error).toContain("is not set");
        if (checkText(text) !== null) expect(filled.ok).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("commands", () => {
  test("argv and directory", () => {
    const { spec } = good({ command: "%h/bin/x", args: ["-p", "${PORT}"], working_directory: "~/srv/%i" });
    expect(expandExec(spec, env, specifiers)).toEqual({ ok: true, value: { argv: ["/home/u/bin/x", "-p", "8080"], cwd: "/home/u/srv/1" } });
  });

  test("with a shell, the shell expands every $ and sup expands specifiers", () => {
    const { spec } = good({ command: "echo $$ ${NOPE} ${#A} %i", shell: true });
    expect(expandExec(spec, env, specifiers)).toEqual({
      ok: true,
      value: { argv: ["/bin/sh", "-c", "echo $$ ${NOPE} ${#A} 1"], cwd: null },
    });
  });

  test("an unset variable names the argument", () => {
    const { spec } = good({ command: "x", args: ["a", "${NOPE}"] });
    const result = expandExec(spec, env, specifiers);
    expect(result.ok ? "" : result.error).toStartWith("cannot expand args[1]: the variable NOPE is not set");
  });

  test("a directory must be absolute after expansion", () => {
    const { spec } = good({ command: "x", working_directory: "${A}/x" });
    const result = expandExec(spec, env, specifiers);
    expect(result.ok ? "" : result.error).toBe('cannot expand working_directory: "1/x" is not an absolute path');
  });

  test("a command that expands to an empty string is an error", () => {
    expect(expandCommand({ command: "${EMPTY}", args: [] }, env, specifiers).ok).toBe(false);
  });

  test("environment files", () => {
    const { spec } = good({ command: "x", environment_files: ["-~/.env", "/etc/%n.env"] });
    expect(expandEnvironmentFiles(spec, env, specifiers)).toEqual({
      ok: true,
      value: [
        { path: "/home/u/.env", optional: true },
        { path: "/etc/web@1.env", optional: false },
      ],
    });
  });
});

describe("probes", () => {
  const probe = (health_check: object, port?: number) => {
    const { check } = good({ command: "x", ...(port ? { port } : {}), health_check }).spec;
    return expandProbe({ ...check!.probe, ...(check!.fallback ? { fallback: check!.fallback } : {}) }, env, specifiers);
  };

  test("a tcp port is digits after expansion", () => {
    expect(probe({ type: "tcp" }, 80)).toMatchObject({ ok: true, value: { port: "8080" } });
    expect(probe({ type: "tcp", port: 81 })).toMatchObject({ ok: true, value: { port: "81" } });
    expect(probe({ type: "tcp", port: "${A}00000" })).toEqual({
      ok: false,
      error: 'health_check.port is "100000", not a number from 1 to 65535',
    });
  });

  test("http: endpoint, headers, content, fallback", () => {
    const http = {
      type: "http",
      endpoint: "http://h:${PORT}/%i",
      headers: { "X-A": "${A}" },
      expected_content: "/v${A}/",
      fallback_check: { type: "exec", command: "c", args: ["%n"] },
    };
    expect(probe(http)).toMatchObject({
      ok: true,
      value: {
        endpoint: "http://h:8080/1",
        headers: { "X-A": "1" },
        expectedContent: { kind: "regex", text: "v1" },
        fallback: { args: ["web@1"] },
      },
    });
    expect(probe({ type: "http", endpoint: "http://${EMPTY}" })).toEqual({
      ok: false,
      error: "health_check.endpoint is not a URL",
    });
    expect(probe({ type: "http", endpoint: "unix:/r.sock:/x" }).ok).toBe(true);
    expect(probe({ type: "http", endpoint: "http://u:50%%25@h/" }).ok).toBe(true);
    // The message does not quote the password.
    expect(probe({ type: "http", endpoint: "http://u:${PW:-50%%-off}@h/" })).toEqual({
      ok: false,
      error: 'health_check.endpoint has a password with a "%" that does not start a percent-encoded character',
    });
  });

  test("an unset variable names the key", () => {
    const result = probe({ type: "http", endpoint: "http://${NOPE}/" });
    expect(result.ok ? "" : result.error).toStartWith("cannot expand health_check.endpoint");
  });
});

describe("dotenv", () => {
  const read = (text: string) => {
    const parsed = parseDotenv(text);
    return parsed.ok ? Object.fromEntries(parsed.value) : `${parsed.error.line}: ${parsed.error.message}`;
  };

  test.each<[string, string, unknown]>([
    ["plain", "A=1\nB = two words \n", { A: "1", B: "two words" }],
    ["export", "export A=1", { A: "1" }],
    ["comments and empty lines", "# c\n\n  # d\nA=1 # e\nB=a#b", { A: "1", B: "a#b" }],
    ["empty values", "A=\nB=''\nC= # c", { A: "", B: "", C: "" }],
    ["nothing is expanded", "A=a$b${c}%n", { A: "a$b${c}%n" }],
    ["single quotes are raw", "A='a\\n\"#$x'", { A: 'a\\n"#$x' }],
    ["double quotes have escapes", 'A="a\\n\\"b\\" \\\\ \\$x \\q"', { A: 'a\n"b" \\ $x \\q' }],
    ["quotes over several lines", "A=\"one\ntwo\" # c\nB='x\ny'", { A: "one\ntwo", B: "x\ny" }],
    ["a later line wins", "A=1\nA=2", { A: "2" }],
    ["Windows line ends, byte order mark", "\uFEFFA=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["an equals sign in the value", "A=b=c", { A: "b=c" }],
    ["a line without =", "A=1\nfoo", "2: expected NAME=value"],
    ["a bad name", "A=1\n\n1B=2", '3: the text before "=" is not a variable name: use letters, digits and _, not starting with a digit'],
    ["an open quote", "A=1\nB='x\ny", "2: the ' is never closed"],
    ["text after a quote", "A='x' y", "1: unexpected text after the closing '"],
  ])("%s", (_, text, expected) => {
    expect<unknown>(read(text)).toEqual(expected);
  });

  test("any input gives variables or an error with a line", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("A", "=", "'", '"', "\n", "#", " ", "\\", "\r", "export ")), (parts) => {
        const parsed = parseDotenv(parts.join(""));
        if (!parsed.ok) expect(parsed.error.line).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a unit's environment", () => {
  const base = {
    PATH: "/bin",
    HOME: "/home/u",
    USER: "u",
    LOGNAME: "u",
    SHELL: "/bin/sh",
    LANG: "C",
    TZ: undefined,
    BUN_OPTIONS: "x",
    SECRET: "x",
  };
  const compose = (
    unit: object,
    files: Array<{ path: string; text: string }> = [],
    of = specifiersFor("web", { home: "/h", state: "/s", logs: "/l", runtime: "/r" }),
  ) => composeEnvironment({ spec: good({ command: "x", ...unit }).spec, base, files, invocation: "inv", specifiers: of });

  test("contains the base and sup's own names, and no other variable of the daemon", () => {
    expect(compose({})).toEqual({
      ok: true,
      value: {
        PATH: "/bin",
        HOME: "/home/u",
        USER: "u",
        LOGNAME: "u",
        SHELL: "/bin/sh",
        LANG: "C",
        SUP_UNIT: "web",
        SUP_INVOCATION_ID: "inv",
      },
    });
  });

  test("PORT, then files in order, then environment: later ones override", () => {
    const files = [
      { path: "/a", text: "PORT=2\nX=a\nY=a" },
      { path: "/b", text: "X=b" },
    ];
    expect(compose({ port: 1 })).toMatchObject({ value: { PORT: "1" } });
    expect(compose({ port: 1, environment: { Y: "own" } }, files)).toMatchObject({ ok: true, value: { PORT: "2", X: "b", Y: "own" } });
  });

  test("values of environment may use variables set before them", () => {
    const environment = { PATH: "/opt:${PATH}", A: "${X}-%n", B: "${A}!" };
    expect(compose({ environment }, [{ path: "/a", text: "X=$x" }])).toMatchObject({
      ok: true,
      value: { PATH: "/opt:/bin", A: "$x-web", B: "$x-web!" },
    });
    const early = compose({ environment: { B: "${A}", A: "1" } });
    expect(early.ok ? "" : early.error).toStartWith("cannot expand environment.B: the variable A is not set");
  });

  test("an instance gets SUP_INSTANCE", () => {
    expect(compose({}, [], specifiers)).toMatchObject({ value: { SUP_INSTANCE: "1" } });
  });

  test("an error in a file names its line; sup's own names are refused", () => {
    expect(compose({}, [{ path: "/a", text: "A=1\n?" }])).toEqual({
      ok: false,
      error: "cannot read environment file /a:2: expected NAME=value",
    });
    expect(compose({}, [{ path: "/a", text: "SUP_UNIT=x" }])).toEqual({
      ok: false,
      error: "cannot use environment file /a: SUP_UNIT is set by sup itself",
    });
  });
});

test.each(["%H:%M", "100%", "%%", "${X}", "$${X}", "$$${", "$X", "plain", "${A:-%n}"])("an escaped %s expands to itself", (text) => {
  expect(expandText(escapeText(text), {}, specifiers)).toEqual({ ok: true, value: text });
  const inShell = { variables: false };
  expect(expandText(escapeText(text, inShell), {}, specifiers, inShell)).toEqual({ ok: true, value: text });
});

test("the port of a tcp check is a number from 1 to 65535 after its variables are expanded", () => {
  const probe = (port: string) => expandProbe({ type: "tcp", host: "h", port: "${P}", timeoutMs: 1 }, { P: port }, specifiers);
  for (const port of ["1", "65535"]) expect(probe(port)).toEqual({ ok: true, value: { type: "tcp", host: "h", port, timeoutMs: 1 } });
  for (const port of ["0", "65536", "-1", "1.5", "", "http"])
    expect(probe(port)).toEqual({ ok: false, error: `health_check.port is "${port}", not a number from 1 to 65535` });
});

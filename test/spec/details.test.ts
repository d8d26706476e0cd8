/** Small facts that the larger tests do not check. */
import { describe, expect, test } from "bun:test";
import { settingsLeaves } from "../../src/spec/documents/unit-reference.ts";
import { expandCommand } from "../../src/spec/load/expand.ts";
import { loadSnapshot } from "../../src/spec/load/load.ts";
import { specifiersFor } from "../../src/spec/load/specifiers.ts";
import { unitKeys } from "../../src/spec/parse/draft.ts";
import { keyInfoAt } from "../../src/spec/parse/keys.ts";
import { formatProblem } from "../../src/spec/parse/problems.ts";
import { findPlaces, SYSTEM_UNITS } from "../../src/spec/places.ts";
import { bad, good, unitFiles } from "./fixtures.ts";

describe("places", () => {
  const HOME = "/home/ann";
  test.each<[string, Parameters<typeof findPlaces>[0], Partial<ReturnType<typeof findPlaces>>]>([
    [
      "SUP_HOME confines everything",
      { env: { SUP_HOME: "/s", HOME, XDG_CONFIG_HOME: "/x" }, uid: 0 },
      { mode: "portable", unitPath: ["/s/units"], settings: "/s/sup.json", state: "/s/state", logs: "/s/logs", socket: "/s/run/sup.sock" },
    ],
    [
      "root is the system",
      { env: { HOME }, uid: 0 },
      { mode: "system", unitPath: [SYSTEM_UNITS], state: "/var/lib/sup", runtime: "/run/sup" },
    ],
    [
      "a user without XDG variables",
      { env: { HOME }, uid: 1000 },
      {
        mode: "user",
        unitPath: [`${HOME}/.config/sup/units`, SYSTEM_UNITS],
        state: `${HOME}/.local/state/sup`,
        runtime: `${HOME}/.local/state/sup/run`,
      },
    ],
    [
      "a user with them",
      { env: { HOME, XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/run/user/1000" }, uid: 1000 },
      { unitPath: ["/c/sup/units", SYSTEM_UNITS], state: "/s/sup", runtime: "/run/user/1000/sup", token: "/run/user/1000/sup/token" },
    ],
    [
      "relative ones are ignored",
      { env: { HOME, XDG_CONFIG_HOME: "c", XDG_STATE_HOME: "", XDG_RUNTIME_DIR: "r" }, uid: 1000 },
      { settings: `${HOME}/.config/sup/sup.json`, state: `${HOME}/.local/state/sup`, runtime: `${HOME}/.local/state/sup/run` },
    ],
    ["a home from the user database", { env: {}, uid: 1000, home: "/h" }, { settings: "/h/.config/sup/sup.json" }],
    ["SUP_UNITS replaces the unit path", { env: { HOME, SUP_UNITS: "/a::/b" }, uid: 1000 }, { unitPath: ["/a", "/b"] }],
    ["--units replaces both", { env: { HOME, SUP_UNITS: "/a" }, uid: 0, units: ["/c"] }, { unitPath: ["/c"] }],
  ])("%s", (_, input, wanted) => expect(findPlaces(input)).toMatchObject(wanted));
});

test("settings are listed key by key, even if their object has only one key", () => {
  const paths = settingsLeaves().map(({ path }) => path);
  expect(paths).toContain("events.retention_days");
  expect(paths).toContain("store.max_size_mb");
  expect(paths).not.toContain("events");
  expect(paths).toContain("start_concurrency");
});

test("keys without a default are required", () => {
  expect(keyInfoAt(unitKeys(), ["command"])!.required).toBe(true);
  expect(keyInfoAt(unitKeys(), ["sockets", 0, "listen"])!.required).toBe(true);
  expect(keyInfoAt(unitKeys(), ["name"])!.required).toBe(false);
  expect(keyInfoAt(unitKeys(), ["restart_policy"])!.required).toBe(false);
});

test("a graceful shutdown may have a timeout and a signal", () => {
  expect(good({ command: "x", graceful_shutdown: { timeout: 5, signal: "INT" } }).warnings).toEqual([]);
});

test("a failed expansion names the command or the argument, counted from 0", () => {
  const specifiers = specifiersFor("web", { home: "/h", state: "/s", logs: "/l", runtime: "/r" });
  const errorOf = (command: string, ...args: string[]): string => {
    const expanded = expandCommand({ command, args }, {}, specifiers);
    return expanded.ok ? "" : expanded.error;
  };
  expect(errorOf("${NOPE}", "a")).toContain("cannot expand command:");
  expect(errorOf("a", "${NOPE}")).toContain("cannot expand args[0]:");
  expect(errorOf("a", "b", "${NOPE}")).toContain("cannot expand args[1]:");
});

describe("hints", () => {
  test.each([
    ["a duration in words", { start_timeout: "5m" }, "300"],
    ["half a second", { start_timeout: "500ms" }, "0.5"],
    ["a number in quotes", { start_timeout: "7" }, "7"],
    ["a whole number in quotes", { priority: "7" }, "7"],
  ])("%s", (_, keys, wanted) => {
    expect(
      bad({ command: "x", ...keys })[0]!
        .hint!.split(" ")
        .map((word) => word.replace(",", "")),
    ).toContain(wanted);
  });

  test("an empty string is not quoted in the message", () => {
    expect(bad({ command: "" })[0]!.message).not.toContain('""');
    expect(bad({ command: "x", priority: "high" })[0]!.message).toContain('"high"');
  });

  test("an unknown dependency gets a guess only when a name is close", () => {
    const hintOf = (unit: string): string => {
      const units = [unitFiles("web", { command: "x", dependencies: [unit] }), unitFiles("database", { command: "x" })];
      return [...loadSnapshot({ units, unreadable: [], masked: [] }).problems.values()].flat()[0]!.hint!;
    };
    expect(hintOf("databse")).toContain('"database"');
    expect(hintOf("qqqqq")).not.toContain("did you mean");
  });
});

test("a malformed specifier is found in the unit file and in drop-ins", () => {
  expect(bad({ command: "x", args: ["%q"] }, "web", { description: "plain" })[0]!.key).toBe("args[0]");
  expect(bad({ command: "x" }, "web", { args: ["%q"] })[0]!.key).toBe("args[0]");
});

test("a problem inside a string has the column of its character, with or without escapes", () => {
  expect(bad('{"command": "x", "args": ["ab%q"]}')[0]).toMatchObject({ line: 1, column: 30 });
  expect(bad('{"command": "x", "args": ["a\\n%q"]}')[0]).toMatchObject({ line: 1, column: 31 });
});

test("an excerpt shows a hundred characters, even at the end of a long line", () => {
  const text = "x".repeat(299) + "y";
  const problem = { severity: "error", file: "f", line: 1, key: "", value: null, message: "m", hint: null } as const;
  const excerptAt = (column: number): string[] =>
    formatProblem({ ...problem, column }, text).split("\n").slice(1).map((line) => line.slice(line.indexOf("|") + 2)); // prettier-ignore
  for (const [column, caret] of [
    [1, 0],
    [150, 50],
    [300, 99],
  ] as const) {
    // prettier-ignore
    const [shown, pointer] = excerptAt(column);
    expect(shown).toHaveLength(100);
    expect(pointer!.indexOf("^")).toBe(caret);
  }
});

describe("sockets", () => {
  const sockets = (count: number): object[] => Array.from({ length: count }, (_, n) => ({ name: `s${n}`, listen: `/run/${n}.sock` }));

  test("a unit may have 128 of them", () => {
    expect(good({ command: "x", sockets: sockets(128) }).spec.sockets).toHaveLength(128);
    expect(bad({ command: "x", sockets: sockets(129) })[0]!.key).toBe("sockets");
  });

  test("an address with a variable or a specifier is not checked before the start", () => {
    for (const listen of ["127.0.0.1:${PORT}", "%t/web.sock"])
      expect(good({ command: "x", sockets: [{ name: "http", listen }] }).spec.sockets[0]!.listen).toBe(listen);
    expect(bad({ command: "x", sockets: [{ name: "http", listen: "127.0.0.1" }] })[0]!.key).toBe("sockets[0].listen");
  });
});

import { describe, expect, test } from "bun:test";
import {
  bodyOf,
  clip,
  harmless,
  severityOf,
  textOf,
  titleOf,
  toneOf,
  type Message,
  type Notice,
} from "../../../src/core/notifications/message.ts";
import { aMessage, aNotice, ended } from "../../proc/notifications/fixtures.ts";

const title = (...notices: Notice[]): string => titleOf(aMessage(notices));

test("the whole message about one unit", () => {
  expect(textOf(aMessage())).toBe(
    [
      "web on alpha: failed since 03:12:05 UTC",
      "Cause: it is fatal: exit code 3",
      "Down because of it: api, shop",
      "Next: Nothing automatically.",
      "Last output:",
      "  listening",
      "  out of memory",
      "Look: sup why web",
      "https://sup.example.org/#/unit/web",
    ].join("\n"),
  );
});

describe("the first line", () => {
  test.each<[string, Partial<Notice>, string]>([
    ["begin", {}, "web on alpha: failed since 03:12:05 UTC"],
    ["update", { what: "update" }, "web on alpha: failed since 03:12:05 UTC"],
    ["repeat", { what: "repeat" }, "web on alpha: still failed since 03:12:05 UTC"],
    [
      "end",
      { what: "end", untilText: "03:20:00 UTC", ending: "recovered" },
      "web on alpha: recovered at 03:20:00 UTC; failed since 03:12:05 UTC",
    ],
    [
      "past",
      { what: "past", untilText: "03:20:00 UTC", ending: "recovered" },
      "web on alpha: failed from 03:12:05 UTC to 03:20:00 UTC; recovered",
    ],
    ["test", { what: "test", unit: "" }, "sup on alpha: test message"],
    ["a limit", { type: "memory-limit" }, "web on alpha: over its memory limit since 03:12:05 UTC"],
  ])("%s", (_, notice, expected) => expect(title(aNotice(notice))).toBe(expected));

  test("of several counts them", () => {
    const many = Array.from({ length: 7 }, (_, i) => aNotice({ unit: `u${i}` }));
    expect(title(...many)).toBe("7 problems on alpha: u0, u1, u2, u3 and 3 more");
    expect(title(aNotice(), ended({ unit: "db" }))).toBe("1 problem, 1 over on alpha: web, db");
    expect(title(ended(), ended({ unit: "db" }))).toBe("2 over on alpha: web, db");
  });
});

test("only the first eight have details, the rest is named", () => {
  const many = Array.from({ length: 49 }, (_, i) => aNotice({ unit: `u${i}` }));
  const lines = bodyOf(aMessage(many));
  expect(lines.filter((line) => line.startsWith("Cause: "))).toHaveLength(8);
  expect(lines.at(-1)).toStartWith("And 41 more: u8, u9, u10");
  expect(lines.at(-1)).toEndWith("and 1 more");
});

test("an end says neither what comes next nor what to look at", () =>
  expect(bodyOf(aMessage([ended()]))).toEqual(["It was: it is fatal: exit code 3"]));

test("without a page there is no link, and the daemon has another command", () => {
  expect(bodyOf(aMessage([aNotice({ unit: "", affected: [], next: [], lines: [] })], { page: null }))).toEqual([
    "Cause: it is fatal: exit code 3",
    "Look: sup doctor",
  ]);
});

test.each<[string, Notice[], ReturnType<typeof toneOf>, string]>([
  ["a critical problem", [aNotice({ severity: "critical" }), ended()], "bad", "critical"],
  ["a problem", [aNotice(), ended({ severity: "critical" })], "warning", "warning"],
  ["only ends", [ended({ severity: "critical" })], "good", "info"],
  ["a test", [aNotice({ what: "test" })], "plain", "info"],
])("the tone of %s", (_, notices, tone, severity) => {
  const message: Message = aMessage(notices);
  expect([toneOf(message), severityOf(message)]).toEqual([tone, severity as never]);
});

test("text of services is made harmless", () => {
  expect(harmless("\u001b[31mred\u001b[0m\u0007 a\tb \u202Eevil\u0000")).toBe("red a  b evil");
  expect(harmless("\u001b]0;title\u0007text")).toBe("text");
});

test("a clipped text ends with a whole character", () => {
  expect(clip("abc", 3)).toBe("abc");
  expect(clip("abcd", 3)).toBe("ab…");
  expect(clip("a😀bc", 3)).toBe("a…");
});

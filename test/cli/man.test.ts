import { describe, expect, test } from "bun:test";
import { marked, roff } from "../../src/base/roff.ts";
import { COMMANDS } from "../../src/cli/table/commands.ts";
import { manPage } from "../../src/cli/help/man-page.ts";
import { OPTIONS, spellings, type OptionRow } from "../../src/cli/table/options.ts";
import { unitManPage } from "../../src/spec/documents/unit-man.ts";
import { childrenOf, supportedKeys } from "../../src/spec/documents/unit-reference.ts";

const plain = (page: string): string => page.replaceAll("\\-", "-").replaceAll(/\\f[BIR]/g, "");

describe("roff", () => {
  test.each([
    ["a-b\\c", "a\\-b\\ec"],
    [".so /etc/passwd", "\\&.so /etc/passwd"],
    ["one\n'two", "one\n\\&'two"],
  ])("%j is %j", (text, wanted) => {
    expect(roff(text)).toBe(wanted);
  });

  test("code and strong text are bold, links become their text", () => {
    expect(marked("`a-b` and **c** in [d](http://e)")).toBe("\\fBa\\-b\\fR and \\fBc\\fR in d");
    expect(marked("`.x` starts a line")).toBe("\\fB\\&.x\\fR starts a line");
  });
});

test("sup(1) has every visible command and option, and no hidden one", () => {
  const page = plain(manPage());
  for (const row of COMMANDS) {
    expect(page.includes(`\n${row.name}`), row.name).toBe(!row.hidden);
  }
  for (const row of Object.values(OPTIONS) as OptionRow[]) expect(page.includes(spellings(row).long)).toBe(!row.hidden);
});

test("sup.unit(5) has every key", () => {
  const page = plain(unitManPage());
  for (const key of supportedKeys()) {
    expect(page).toContain(`\n${key.name} (`);
    for (const child of childrenOf(key)) expect(page).toContain(`\n${child.name} (`);
  }
});

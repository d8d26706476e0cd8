import { EXIT } from "../../api/contract/errors.ts";
import { closest } from "../../base/names.ts";
import { settingsHelp, unitHelp, unitKeyNames, type HelpLine } from "../../spec/documents/unit-help.ts";
import { makeOutput } from "../context.ts";
import type { Host } from "../host.ts";

/** Prints the help for `sup help unit [KEY]` and `sup help settings`. */
export function printTopic([topic, key]: readonly string[], host: Host): number {
  const { out, fail } = makeOutput(host, {});
  const lines = topic === "unit" ? unitHelp(key) : settingsHelp();
  if (lines === null) {
    const near = closest(key!, unitKeyNames());
    const hint = near === undefined ? "`sup help unit` lists the keys" : `did you mean ${near}?`;
    return fail({ code: "bad-request", message: `a unit file has no key ${key}`, hint });
  }
  const width = host.columns() ?? 100;
  out(lines.map((line) => wrapped(line, width)).join("\n"));
  return EXIT.done;
}

function wrapped({ indent, text }: HelpLine, width: number): string {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last !== "" && indent + last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.map((line) => `${" ".repeat(indent)}${line}`.trimEnd()).join("\n");
}

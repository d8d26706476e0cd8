import { bold, heading, italic, item, marked, paragraph, roff, subheading, title, verbatim } from "../../base/roff.ts";
import type { KeyInfo } from "../parse/keys.ts";
import { APPLIES, childrenOf, defaultOf, FORMAT, meaningOf, settingsLeaves, SETTINGS, SHELL_EXPANDS, SPECIFIERS, SPECIFIERS_IN, supportedKeys, typeOf } from "./unit-reference.ts"; // prettier-ignore

/** Returns the manual page sup.unit(5): the reference of the unit file and the settings, generated from the schema. */
export function unitManPage(): string {
  const keys = supportedKeys();
  return [
    title("sup.unit", 5, "sup", "Unit files of sup"),
    heading("Name"),
    "sup.unit \\- unit files and settings of sup",
    heading("Synopsis"),
    `${italic("NAME")}.unit.json, ${italic("NAME")}@.unit.json, ${italic("NAME")}.unit.json.d/*.json, sup.json`,
    heading("Description"),
    ...FORMAT.map(marked),
    paragraph(marked(APPLIES)),
    paragraph("For example:"),
    verbatim(EXAMPLE),
    heading("Keys"),
    ...keys.map((key) => entry(key, key.applies)),
    ...keys
      .filter((key) => childrenOf(key).length > 0)
      .flatMap((key) => [subheading(key.path), marked(key.description), ...childrenOf(key).map((child) => entry(child))]),
    heading("Specifiers and variables"),
    marked(SPECIFIERS_IN),
    ...SPECIFIERS.map(([written, meaning]) => item(marked(written), marked(meaning))),
    paragraph(marked(SHELL_EXPANDS)),
    heading("Settings"),
    marked(SETTINGS),
    ...settingsLeaves().map((key) => entry(key, undefined, key.path)),
    heading("See also"),
    `${bold("sup")}(1)`,
    "",
  ].join("\n");
}

const EXAMPLE = `{
  "description": "My web service",
  "enabled": true,
  "command": "node",
  "args": ["server.mjs"],
  "port": 8080,
  "health_check": { "type": "http", "endpoint": "http://127.0.0.1:\${PORT}/healthz" },
  "dependencies": ["db"]
}`;

function entry(key: KeyInfo, applies?: string, name = key.name): string {
  const facts = [typeOf(key), defaultOf(key) === "" ? "" : `default ${defaultOf(key)}`, applies ?? ""].filter(Boolean).join("; ");
  return item(`${bold(name)} ${roff("(")}${marked(facts)}${roff(")")}`, marked(meaningOf(key)) || marked(key.description) || "\\&");
}

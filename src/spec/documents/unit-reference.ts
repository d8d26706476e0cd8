import { z } from "zod";
import { unitKeys } from "../parse/draft.ts";
import type { KeyInfo } from "../parse/keys.ts";
import { isWhole, LATER } from "../parse/later.ts";
import { meta } from "../schema/meta.ts";
import { settingsKeys } from "../schema/settings.ts";
import { unitSchema } from "../schema/unit.ts";

/** Generates the JSON Schema and the reference documentation from the schema of the unit file. */

/** Returns the JSON Schema (2020-12) of the unit file as a user writes it. */
export function jsonSchema(): Record<string, unknown> {
  const refused = new Set(LATER.filter(isWhole).map(({ key }) => ["", ...key.split(".")].join("/properties/").slice(1)));
  const schema = z.toJSONSchema(unitSchema(), {
    io: "input",
    metadata: meta,
    unrepresentable: "any",
    override: ({ jsonSchema: node, path }) => {
      delete node.applies;
      if (refused.has(path.join("/"))) node.description = `Not supported yet. ${node.description ?? ""}`;
    },
  });
  return { ...schema, title: "sup unit file", description: "NAME.unit.json: a process that sup supervises." };
}

export const FORMAT: readonly string[] = [
  "`NAME.unit.json` describes one unit; `NAME@.unit.json` is a template whose instances are `NAME@x`. The format is JSON; `//` and `/* */` comments and trailing commas are accepted. Times are in seconds.",
  "`NAME.unit.json.d/*.json` are drop-ins, which are merged over the unit file in the order of their names ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)). Objects are merged key by key, `null` removes a key, and everything else replaces the old value.",
  "A link to `/dev/null` in place of `NAME.unit.json` masks the unit: it cannot be started, and a file of that name in a later unit directory is ignored. `sup mask` and `sup unmask` make and remove such links. A link in place of a drop-in hides the drop-in of the same name in later directories.",
];

export const APPLIES =
  '"Applies" says when a changed value takes effect: `live` immediately after `sup reload`, `restart` at the next start of the unit.';

/** Returns the reference of the unit file and the settings in Markdown. */
export function unitReference(): string {
  const keys = supportedKeys();
  return [
    "# Unit files",
    "",
    "<!-- Generated from src/spec/schema/unit.ts; do not edit. -->",
    "",
    ...FORMAT,
    "",
    APPLIES,
    "",
    ...table(keys),
    ...keys.filter((key) => childrenOf(key).length > 0).flatMap(section),
    ...notSupported(),
    ...specifiers(),
    "# Settings",
    "",
    SETTINGS,
    "",
    ...settingsTable(),
    "",
  ].join("\n");
}

export const supportedKeys = (): KeyInfo[] => [...unitKeys().values()].filter(({ path }) => !isLater(path));
export const childrenOf = (key: KeyInfo): KeyInfo[] => [...key.children().values()].filter(({ path }) => !isLater(path));

const isLater = (path: string): boolean => LATER.some((row) => row.key === path && isWhole(row));

function table(keys: readonly KeyInfo[]): string[] {
  return [
    "| key | type | default | applies | meaning |",
    "|---|---|---|---|---|",
    ...keys.map((key) => row([`\`${key.name}\``, typeOf(key), defaultOf(key), key.applies, meaningOf(key)])),
    "",
  ];
}

function section(key: KeyInfo): string[] {
  const children = childrenOf(key);
  return [
    `## ${key.path}`,
    "",
    key.description,
    "",
    "| key | type | default | meaning |",
    "|---|---|---|---|",
    ...children.map((child) => row([`\`${child.name}\``, typeOf(child), defaultOf(child), meaningOf(child)])),
    "",
  ];
}

export const settingsLeaves = (): KeyInfo[] =>
  [...settingsKeys().values()].flatMap((key) => (key.children().size > 0 ? [...key.children().values()] : [key]));

function settingsTable(): string[] {
  return [
    "| key | type | default | meaning |",
    "|---|---|---|---|",
    ...settingsLeaves().map((key) => row([`\`${key.path}\``, typeOf(key), defaultOf(key), meaningOf(key)])),
  ];
}

function notSupported(): string[] {
  const rows = LATER.filter(({ key }) => !LATER.some((outer) => key.startsWith(`${outer.key}.`)));
  if (rows.length === 0) return [];
  const names = rows.map(({ key, values }) => (values ? values.map((value) => `\`"${key}": "${value}"\``).join(", ") : `\`${key}\``));
  return ["## Not supported yet", "", `A file with one of these keys is refused for now: ${names.join(", ")}.`, ""];
}

/** The specifiers and variables in strings of a unit file, and their meanings. */
export const SPECIFIERS: ReadonlyArray<readonly [written: string, meaning: string]> = [
  ["`%n`", "the unit's id"],
  ["`%i`", "the instance: the part after the `@`"],
  ["`%h`", "the home directory"],
  ["`%S`, `%L`, `%t`", "sup's state, log and runtime directory"],
  ["`%%`", "a percent sign"],
  ["`${NAME}`", "a variable of the unit's environment; if it is not set, the start fails"],
  ["`${NAME:-text}`", "the same, or `text` if the variable is not set or empty"],
  ["`$${`", "a literal `${`; any other `$` is literal anyway"],
];

export const SETTINGS = "The settings are in `sup.json`. Every key is optional.";

export const SPECIFIERS_IN =
  "These are expanded in the strings of `command`, `args`, `working_directory`, `environment`, `environment_files` (their paths), `health_check`, `conditions`, `pre_start`, `pre_restart`, `post_stop` and `reload`:";
export const SHELL_EXPANDS = 'With `"shell": true` the shell expands every `$` in `command`, with the same environment.';

function specifiers(): string[] {
  return [
    "## Specifiers and variables",
    "",
    SPECIFIERS_IN,
    "",
    "| syntax | meaning |",
    "|---|---|",
    ...SPECIFIERS.map((cells) => row(cells)),
    "",
    SHELL_EXPANDS,
    "",
  ];
}

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

export const typeOf = (key: KeyInfo): string => (key.required ? `${key.type}, required` : key.type);

export function defaultOf({ default: value }: KeyInfo): string {
  if (value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0)) return "";
  return `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``;
}

/** Returns the description of a key, together with the types that have the key and the values that are not supported yet. */
export function meaningOf({ path, types, description }: KeyInfo): string {
  const later = LATER.find(({ key, values }) => key === path && values)?.values ?? [];
  const refused = later.length > 0 ? ` (Not supported yet: ${later.map((value) => `\`${value}\``).join(", ")}.)` : "";
  return (types.length > 0 ? `(${types.join(", ")}) ` : "") + description + refused;
}

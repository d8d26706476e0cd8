import type { KeyInfo } from "../parse/keys.ts";
import { APPLIES, childrenOf, defaultOf, FORMAT, meaningOf, settingsLeaves, SETTINGS, SHELL_EXPANDS, SPECIFIERS, SPECIFIERS_IN, supportedKeys, typeOf } from "./unit-reference.ts"; // prettier-ignore

/** One line of help. `indent` is in columns. The caller wraps the text. */
export interface HelpLine {
  readonly indent: number;
  readonly text: string;
}

/**
 * Returns the text of `sup help unit [KEY]`: the reference of the unit file for a terminal, generated from the schema.
 * Returns null if there is no such key.
 */
export function unitHelp(path?: string): HelpLine[] | null {
  if (path !== undefined) {
    const key = supportedKeys().find(({ name }) => name === path);
    return key === undefined ? null : [...entry(key, 0, key.applies), ...childrenOf(key).flatMap((child) => entry(child, 2))];
  }
  return [
    ...FORMAT.map(line),
    line(APPLIES),
    line(""),
    ...supportedKeys().flatMap((key) => [...entry(key, 2, key.applies), ...childrenOf(key).flatMap((child) => entry(child, 8))]),
    line(""),
    line(SPECIFIERS_IN),
    ...SPECIFIERS.map(([written, meaning]) => ({ indent: 2, text: `${plain(written).padEnd(14)} ${plain(meaning)}` })),
    line(SHELL_EXPANDS),
  ];
}

/** Returns the text of `sup help settings`, which lists the keys of sup.json. */
export const settingsHelp = (): HelpLine[] => [
  line(SETTINGS),
  line(""),
  ...settingsLeaves().flatMap((key) => entry(key, 2, undefined, key.path)),
];

export const unitKeyNames = (): string[] => supportedKeys().map(({ name }) => name);

function entry(key: KeyInfo, indent: number, applies?: string, name = key.name): HelpLine[] {
  const facts = [typeOf(key), defaultOf(key) === "" ? "" : `default ${defaultOf(key)}`, applies ?? ""].filter(Boolean).join("; ");
  const meaning = plain(meaningOf(key)) || plain(key.description);
  return [{ indent, text: `${name} (${plain(facts)})` }, ...(meaning === "" ? [] : [{ indent: indent + 4, text: meaning }])];
}

const line = (text: string): HelpLine => ({ indent: 0, text: plain(text) });

/** Removes Markdown markup. */
const plain = (text: string): string =>
  text
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("`", "")
    .replaceAll("**", "");

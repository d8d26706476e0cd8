import { asText, type Data } from "../data.ts";
import type { UnitDraft } from "../draft.ts";

/** One process of an app. */
export interface App {
  readonly unit: UnitDraft;
  readonly data: Data;
  readonly where: string;
  readonly directory: string;
  readonly name: string;
}

/** Splits a string into words as PM2 does. */
export function wordsOf(value: unknown): string[] | null {
  if (Array.isArray(value)) return value.map((each) => asText(each) ?? "");
  const text = asText(value);
  if (text === null) return null;
  const words = text.match(/[^\s"'=]{1,1000}="[^"]*"|[^\s"'=]{1,1000}='[^']*'|"([^"]*)"|'([^']*)'|\S+/g) ?? [];
  return words
    .map((word) => (/^(["']).*\1$/s.test(word) && word.length > 1 ? word.slice(1, -1) : word))
    .filter((word) => word.trim() !== "");
}

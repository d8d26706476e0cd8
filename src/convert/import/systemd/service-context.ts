import type { UnitDraft } from "../draft.ts";
import { joinText } from "../text.ts";
import type { Variables } from "./exec.ts";
import type { Assignment, Settings } from "./parse.ts";
import { specifierParts, type UnitNames } from "./specifiers.ts";

/** The input that all importers of `[Service]` share. */
export interface Service {
  readonly unit: UnitDraft;
  readonly settings: Settings;
  readonly names: UnitNames;
  readonly variables: Variables;
  /** Specifiers whose values sup does not know. */
  readonly unknown: Set<string>;
  /** Keys that were already reported. */
  readonly done: Set<string>;
}

/** Returns the last value of a key, and marks the key as reported. */
export function take({ settings, done }: Service, key: string): Assignment | undefined {
  done.add(key);
  return settings.last(key);
}

export const textOf = ({ names, unknown }: Service, text: string): string => joinText(specifierParts(text, names, unknown));

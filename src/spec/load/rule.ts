import type { Path } from "../parse/tree.ts";
import type { UnitFile } from "../schema/unit.ts";

/** Returns true if the file itself contains a key. */
export type IsSet = (path: Path) => boolean;
export type Report = (path: Path, message: string, hint?: string) => void;

export interface Context {
  readonly error: Report;
  readonly warning: Report;
  readonly isSet: IsSet;
}

export type Rule = (unit: UnitFile, context: Context) => void;

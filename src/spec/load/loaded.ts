import type { TextFile } from "../../ports/files.ts";
import type { Problem } from "../parse/problems.ts";
import type { Spec } from "../spec.ts";

/** A unit or template that was loaded without errors. */
export interface Loaded {
  readonly spec: Spec;
  /** The values in effect, including defaults, under the keys of the unit file. */
  readonly effective: Readonly<Record<string, unknown>>;
  /** Where each value in `effective` comes from, by dotted key: `default` or `path:line`. */
  readonly sources: ReadonlyMap<string, string>;
  /** The main file, followed by the drop-ins. */
  readonly files: readonly TextFile[];
  readonly warnings: readonly Problem[];
}

import type { DaemonInfo, Status } from "../../api/contract/shapes.ts";
import type { Places } from "../../spec/places.ts";
import type { Settings } from "../../spec/schema/settings.ts";
import type { Context } from "../context.ts";
import type { Target } from "../systemd/target.ts";

/** What `sup doctor` found. */
export interface Finding {
  /** `error`: something does not work; `warning`: it will not, some day; `note`: good to know, nothing to mend. */
  readonly severity: "error" | "warning" | "note";
  readonly message: string;
  /** What to do about it: a command where there is one. */
  readonly fix: string;
}

/** What was looked up once, for all checks. */
export interface Facts {
  readonly context: Context;
  /** Of the service, where its daemon would be found. */
  readonly target: Target;
  readonly places: Places;
  /** Null: no daemon answers. */
  readonly status: Status | null;
  readonly daemon: DaemonInfo | null;
  /** Some daemon holds the lock of the state directory. */
  readonly lives: boolean;
  /** Null: they have errors. */
  readonly settings: Settings | null;
}

export interface Check {
  /** What was looked at, in a word or two. */
  readonly name: string;
  readonly look: (facts: Facts) => Promise<readonly Finding[]> | readonly Finding[];
}

export const error = (message: string, fix: string): Finding => ({ severity: "error", message, fix });
export const warning = (message: string, fix: string): Finding => ({ severity: "warning", message, fix });
export const note = (message: string, fix: string): Finding => ({ severity: "note", message, fix });

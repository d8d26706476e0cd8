import type { DaemonInfo, Status } from "../../api/contract/shapes.ts";
import type { Places } from "../../spec/places.ts";
import type { Settings } from "../../spec/schema/settings.ts";
import type { Context } from "../context.ts";
import type { Target } from "../systemd/target.ts";

/** One result of `sup doctor`. */
export interface Finding {
  /** `error` is for something that is broken now, `warning` for something that will cause trouble later, and `note` for information. */
  readonly severity: "error" | "warning" | "note";
  readonly message: string;
  /** How to fix the problem, if possible with a command. */
  readonly fix: string;
}

/** Facts that all checks share, gathered once. */
export interface Facts {
  readonly context: Context;
  /** The systemd service, and the paths of the daemon that it runs. */
  readonly target: Target;
  readonly places: Places;
  /** The daemon's status, or null if no daemon answers. */
  readonly status: Status | null;
  readonly daemon: DaemonInfo | null;
  /** True if a daemon holds the lock of the state directory. */
  readonly lives: boolean;
  /** The settings, or null if they have errors. */
  readonly settings: Settings | null;
}

export interface Check {
  /** The subject of the check in one or two words. */
  readonly name: string;
  readonly run: (facts: Facts) => Promise<readonly Finding[]> | readonly Finding[];
}

export const error = (message: string, fix: string): Finding => ({ severity: "error", message, fix });
export const warning = (message: string, fix: string): Finding => ({ severity: "warning", message, fix });
export const note = (message: string, fix: string): Finding => ({ severity: "note", message, fix });

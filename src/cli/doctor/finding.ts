import type { DaemonInfo, Status } from "../../api/contract/shapes.ts";
import type { Places } from "../../spec/places.ts";
import type { Settings } from "../../spec/schema/settings.ts";
import type { Context } from "../context.ts";
import type { Target } from "../systemd/target.ts";

/** One result of `sup doctor`. */
export interface Finding {
  /** `error` means that something is broken now, `warning` that it will cause trouble later. `note` is for information only. */
  readonly severity: "error" | "warning" | "note";
  readonly message: string;
  /** Describes how to fix it, with a command where there is one. */
  readonly fix: string;
}

/** Facts that are gathered once, for all checks. */
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
  /** The subject of the check, in a word or two. */
  readonly name: string;
  readonly run: (facts: Facts) => Promise<readonly Finding[]> | readonly Finding[];
}

export const error = (message: string, fix: string): Finding => ({ severity: "error", message, fix });
export const warning = (message: string, fix: string): Finding => ({ severity: "warning", message, fix });
export const note = (message: string, fix: string): Finding => ({ severity: "note", message, fix });

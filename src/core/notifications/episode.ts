import type { Severity } from "../../base/words.ts";

/** What a message says about an episode. `past` means that the episode began and ended before any message was sent. */
export type What = "begin" | "update" | "repeat" | "end" | "past";

/** The state of an episode for one channel: which messages were written, and which message is due. Times are monotonic. */
export interface Leg {
  /** True if a message about the beginning is in the outbox. */
  readonly begun: boolean;
  /** The message that is due next, with its time, or null. */
  readonly next: { readonly what: What; readonly readyMs: number } | null;
  readonly repeatMs: number | null;
  /** True if `next` waits for the end of a silence. */
  readonly isSilenced?: boolean;
}

/**
 * A problem of one unit from its beginning to its end, which is reported once. Usually it corresponds to one alert. If
 * another alert replaces that alert (`failed` replaces `failing`), the episode continues.
 */
export interface Episode {
  /** Unique in the history of this state directory. Providers use it to recognise messages about the same episode. */
  readonly id: string;
  /** The unit's id; "" is the daemon. */
  readonly unit: string;
  readonly family: string;
  /** Ids of the open alerts. The episode ends when there are none. */
  readonly alerts: readonly number[];
  readonly type: string;
  readonly severity: Severity;
  readonly message: string;
  /** Wall clock time of the beginning. */
  readonly sinceMs: number;
  readonly endedMs: number | null;
  /** How it ended, for example `recovered`. */
  readonly ending: string | null;
  /** The state for each channel, by name. */
  readonly legs: Readonly<Record<string, Leg>>;
}

/** An alert that is open when the settings take effect. */
export interface KnownAlert {
  readonly id: number;
  readonly unit: string;
  readonly type: string;
  readonly severity: Severity;
  readonly message: string;
  /** Wall clock time at which the alert was opened. */
  readonly sinceMs: number;
}

const FAMILIES: Readonly<Record<string, string>> = { failing: "down", failed: "down" };

/** Alerts of a unit that have the same family belong to the same episode. */
export const familyOf = (type: string): string => FAMILIES[type] ?? type;

/** Families of problems during which a unit does not serve the units that need it. */
export const OUTAGES: readonly string[] = ["down", "unhealthy"];

const VERSION = 1;

export const episodeText = (episode: Episode): string => JSON.stringify({ version: VERSION, episode });

/** Returns the stored episode, or null if the string is damaged or of another version. In that case the alert begins a new episode. */
export function parseEpisode(id: string, text: string): Episode | null {
  try {
    const { version, episode } = JSON.parse(text) as { readonly version?: number; readonly episode?: Episode };
    return version === VERSION && episode?.id === id && Array.isArray(episode.alerts) ? episode : null;
  } catch {
    return null; // not JSON
  }
}

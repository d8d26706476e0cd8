import type { Severity } from "../../base/words.ts";

/** What a message says about an episode. `past`: it began and ended before anything was sent. */
export type What = "begin" | "update" | "repeat" | "end" | "past";

/** The state of an episode for one channel: which messages were written, and which one is due. Times are monotonic. */
export interface Leg {
  /** A message about the beginning is in the outbox. */
  readonly begun: boolean;
  /** The message that is due next, and when. */
  readonly next: { readonly what: What; readonly readyMs: number } | null;
  readonly repeatMs: number | null;
  /** `next` waits for the end of a silence. */
  readonly isSilenced?: boolean;
}

/**
 * A problem of one unit from its beginning to its end, which is reported once. Usually it is one alert. If an alert becomes
 * another one (`failing` becomes `failed`), the episode goes on.
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
  /** Wall clock. */
  readonly sinceMs: number;
  readonly endedMs: number | null;
  /** How it ended, for example `recovered`. */
  readonly ending: string | null;
  /** By channel. */
  readonly legs: Readonly<Record<string, Leg>>;
}

/** An alert that is open when the settings take effect. */
export interface KnownAlert {
  readonly id: number;
  readonly unit: string;
  readonly type: string;
  readonly severity: Severity;
  readonly message: string;
  /** Wall clock. */
  readonly sinceMs: number;
}

const FAMILIES: Readonly<Record<string, string>> = { failing: "down", failed: "down" };

/** Alerts of a unit that have the same family belong to the same episode. */
export const familyOf = (type: string): string => FAMILIES[type] ?? type;

/** A unit with an episode of one of these families does not serve the units that need it. */
export const OUTAGES: readonly string[] = ["down", "unhealthy"];

const VERSION = 1;

export const episodeText = (episode: Episode): string => JSON.stringify({ version: VERSION, episode });

/** Returns null if the string is damaged or of another version. The alert of that episode then begins a new one. */
export function parseEpisode(id: string, text: string): Episode | null {
  try {
    const { version, episode } = JSON.parse(text) as { readonly version?: number; readonly episode?: Episode };
    return version === VERSION && episode?.id === id && Array.isArray(episode.alerts) ? episode : null;
  } catch {
    return null; // not JSON
  }
}

import type { Episode, What } from "./episode.ts";

/** A message for one channel, as the core composes it. The daemon adds the host, the last lines of output and the link. */
export interface Draft {
  readonly channel: string;
  readonly notices: readonly DraftNotice[];
}

/** What a message says about one episode. */
export interface DraftNotice extends Pick<Episode, "unit" | "type" | "severity" | "message" | "sinceMs" | "endedMs" | "ending"> {
  readonly episode: string;
  readonly what: What;
  /** Units that are down because this unit is down. */
  readonly affected: readonly string[];
}

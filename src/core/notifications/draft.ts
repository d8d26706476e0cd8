import type { Severity } from "../../base/words.ts";
import type { What } from "./episode.ts";

/** A message for one channel, as the core composes it. The daemon adds the host, the last lines of output and the link. */
export interface Draft {
  readonly channel: string;
  readonly notices: readonly DraftNotice[];
}

/** What a message says about one episode. */
export interface DraftNotice {
  readonly episode: string;
  readonly what: What;
  readonly unit: string;
  readonly type: string;
  readonly severity: Severity;
  readonly message: string;
  /** Wall clock times of the beginning and the end. */
  readonly sinceMs: number;
  readonly endedMs: number | null;
  readonly ending: string | null;
  /** Units that are down because this unit is down. */
  readonly affected: readonly string[];
}

/** How much one answer holds. In a file of its own: the CLI says these numbers too, and does not load the contract for them. */

/** At most this much history. */
export const MAX_LINES = 100_000;
export const MAX_ROWS = 100_000;

/** Lines of a log when none are asked for by number: the latest of it, and those of a time or a run. */
export const FEW_LINES = 100;
export const MANY_LINES = 10_000;

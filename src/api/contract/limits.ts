/** Limits of one answer. They have their own file because the CLI shows them as well and must not load the contract for that. */

/** The most history of one answer. */
export const MAX_LINES = 100_000;
export const MAX_ROWS = 100_000;

/** How many log lines are answered by default: without any limit, and with a time range or a run. */
export const FEW_LINES = 100;
export const MANY_LINES = 10_000;

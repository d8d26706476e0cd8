/** Limits of one answer. They are in a separate file, because the command line also shows them and must not load the contract. */

/** The maximum number of log lines, and of rows of history, in one answer. */
export const MAX_LINES = 100_000;
export const MAX_ROWS = 100_000;

/**
 * The default number of log lines in an answer. FEW_LINES applies to a request without limits, MANY_LINES to one with a time
 * range or a run.
 */
export const FEW_LINES = 100;
export const MANY_LINES = 10_000;

/** The maximum number of bytes that one request types into a terminal, before base64. */
export const MAX_TYPED_BYTES = 60_000;

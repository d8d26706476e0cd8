/** The HTTP status and the exit code of the command line for each error code. Each error has its own message. */
export const ERRORS = {
  "bad-request": { status: 400, exit: 2 },
  unauthorized: { status: 401, exit: 1 },
  forbidden: { status: 403, exit: 1 },
  "no-such-unit": { status: 404, exit: 4 },
  "not-found": { status: 404, exit: 1 },
  "method-not-allowed": { status: 405, exit: 1 },
  conflict: { status: 409, exit: 1 },
  "too-large": { status: 413, exit: 1 },
  invalid: { status: 422, exit: 1 },
  "too-many": { status: 429, exit: 1 },
  "not-ready": { status: 503, exit: 1 },
  failed: { status: 409, exit: 1 },
  unreachable: { status: 503, exit: 5 },
  internal: { status: 500, exit: 1 },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface ApiError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** The exit codes of the command line. If the LSB defines a code for the same result of an init action, the codes agree. */
export const EXIT = { done: 0, failed: 1, usage: 2, notRunning: 3, noSuchUnit: 4, unreachable: 5 } as const;

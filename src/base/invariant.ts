/** Thrown when an invariant does not hold. This is always a bug in sup. The daemon logs the error and continues with the next event. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/**
 * Throws an InvariantError. It belongs in the default branch of a switch that handles every value; the compiler then reports
 * a value that is missing.
 */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable value: ${JSON.stringify(value)}`);
}

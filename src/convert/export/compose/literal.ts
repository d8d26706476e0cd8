/** Writes values for compose. */

/** Escapes `$`. Otherwise compose would expand `$NAME` and `${NAME}` with its own environment instead of the container's. */
export const literal = (text: string): string => text.replaceAll("$", "$$$$");

/** Returns the name of a unit as compose accepts it. */
export const serviceName = (id: string): string => id.replaceAll("@", "-");

/** Writes a time span. */
export const span = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
